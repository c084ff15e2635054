/** The time MS-DOS writes in two 16-bit numbers, as `YYYY-MM-DD HH:MM:SS`: even seconds, in a time zone nobody knows. */
export function formatDosTime(date: number, time: number): string {
  const two = (number: number) => String(number).padStart(2, '0');
  const day = `${1980 + (date >> 9)}-${two((date >> 5) & 15)}-${two(date & 31)}`;
  return `${day} ${two(time >> 11)}:${two((time >> 5) & 63)}:${two((time & 31) * 2)}`;
}
