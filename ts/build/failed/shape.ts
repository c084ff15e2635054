/** Gives back a value out of a JSON document if it is what it should be. Throws ShapeError. */
export type Shape<Value> = (value: unknown, place: string) => Value;

/** A value is not what it should be; the message says where it stands and what it should be. */
export class ShapeError extends Error {}

/** An object with exactly these members; those whose shape takes `undefined` may be missing. */
export function object<Members extends Record<string, unknown>>(
  members: {
    readonly [Key in keyof Members]: Shape<Members[Key]>;
  },
): Shape<Members> {
  return (value, place) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(place, 'an object');
    const unknown = Object.keys(value).find((key) => !Object.hasOwn(members, key));
    if (unknown !== undefined) refuse(place, `without ${JSON.stringify(unknown)}`);
    const read: Record<string, unknown> = {};
    for (const [key, shape] of Object.entries<Shape<unknown>>(members)) {
      const member = Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
      const found = shape(member, `${place}.${key}`);
      if (found !== undefined) read[key] = found;
    }
    return read as Members;
  };
}

export function list<Item>(item: Shape<Item>): Shape<readonly Item[]> {
  return (value, place) => {
    if (!Array.isArray(value)) refuse(place, 'a list');
    return value.map((one: unknown, i) => item(one, `${place}[${i}]`));
  };
}

export const textPair: Shape<readonly [string, string]> = (value, place) => {
  if (!Array.isArray(value) || value.length !== 2) refuse(place, 'a pair');
  return [text(value[0], `${place}[0]`), text(value[1], `${place}[1]`)];
};

export const text: Shape<string> = (value, place) => {
  if (typeof value !== 'string') refuse(place, 'a string');
  return value;
};

export const flag: Shape<boolean> = (value, place) => {
  if (typeof value !== 'boolean') refuse(place, 'true or false');
  return value;
};

/** An integer, not negative. */
export const count: Shape<number> = (value, place) => {
  if (!Number.isSafeInteger(value) || (value as number) < 0) refuse(place, 'a number from 0 on');
  return value as number;
};

export function optional<Value>(shape: Shape<Value>): Shape<Value | undefined> {
  return (value, place) => (value === undefined ? undefined : shape(value, place));
}

/** One of these strings or numbers. */
export function oneOf<const Choice extends string | number>(...choices: readonly Choice[]): Shape<Choice> {
  return (value, place) => {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) refuse(place, choices.map((choice) => JSON.stringify(choice)).join(' or '));
    return found;
  };
}

function refuse(place: string, expected: string): never {
  throw new ShapeError(`${place} should be ${expected}`);
}
