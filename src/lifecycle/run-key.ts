import { randomBytes } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/** 26 characters of [a-z2-7] holding 128 random bits: fits the names of every engine and cannot be repeated by a restored sequence. */
export function newRunToken(): string {
  let bits = BigInt(`0x${randomBytes(16).toString('hex')}`);
  let token = '';
  for (let i = 0; i < 26; i++) {
    token = ALPHABET.charAt(Number(bits & 31n)) + token;
    bits >>= 5n;
  }
  return token;
}

/** The name of an execution on its engine, stored before any call is made. */
export function runKey(token: string, generation: number): string {
  return `sb-${token}-g${generation}`;
}

/** The token inside a key, or undefined for a key that is not ours. */
export function tokenOfKey(key: string): string | undefined {
  return /^sb-([a-z2-7]{26})-g[1-9]\d*$/.exec(key)?.[1];
}
