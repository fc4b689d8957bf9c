/**
 * More by more than the rounding of sums; for money per hour as well as bit/s. The 1 is for sums that should be zero: what
 * is left of adding and taking away again is not more than nothing.
 */
export const clearlyMore = (a: number, b: number) => a - b > 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));
