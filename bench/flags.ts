/** The number of a flag. @throws Error for what is not a number above 0. */
export function positive(flag: string, text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value > 0)) throw new Error(`--${flag} is a number above 0, not "${text}"`)
  return value
}

/** The number of a flag. @throws Error for what is not a number, or below 0. */
export function notNegative(flag: string, text: string): number {
  return Number(text) === 0 && text.trim() !== '' ? 0 : positive(flag, text)
}
