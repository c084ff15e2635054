// A library to be preloaded: programs that ask the C library for the time of day are told one that lies ahead. It needs
// no other library and no set-up, so that any dynamically linked program can have it, whatever its C library is.
//
// Only what tells the date is changed. Clocks that measure how long something takes go on as they are.

#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

// A year, a month and some hours and minutes: no part of a date stays the same. The same as in ts/build/check/vary.ts.
// As a control there is the same library with a clock that is right.
#ifdef AIRPLANT_STILL_CLOCK
enum { kAhead = 0 };
#else
enum { kAhead = 398 * 86400 + 7 * 3600 + 13 * 60 };
#endif

static long CallKernel(long call, long first, long second);
static int IsDate(clockid_t clock);

int clock_gettime(clockid_t clock, struct timespec* time) {
  const long result = CallKernel(SYS_clock_gettime, clock, (long)time);
  if (result < 0) return -1;
  if (IsDate(clock)) time->tv_sec += kAhead;
  return 0;
}

int gettimeofday(struct timeval* restrict time, void* restrict zone) {
  struct timespec now;
  if (zone != NULL) {
    ((struct timezone*)zone)->tz_minuteswest = 0;
    ((struct timezone*)zone)->tz_dsttime = 0;
  }
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* result) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return (time_t)-1;
  if (result != NULL) *result = now.tv_sec;
  return now.tv_sec;
}

int timespec_get(struct timespec* result, int base) {
  if (base != TIME_UTC || clock_gettime(CLOCK_REALTIME, result) != 0) return 0;
  return base;
}

static int IsDate(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

#if defined(__x86_64__)
static long CallKernel(long call, long first, long second) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(call), "D"(first), "S"(second) : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
static long CallKernel(long call, long first, long second) {
  register long number __asm__("x8") = call;
  register long result __asm__("x0") = first;
  register long other __asm__("x1") = second;
  __asm__ volatile("svc 0" : "+r"(result) : "r"(number), "r"(other) : "memory");
  return result;
}
#endif
