/** Bits of personality(2), as linux/personality.h has them. */
export const addrNoRandomize = 0x40000;
export const uname26 = 0x20000;
export const perLinux32 = 0x8;
