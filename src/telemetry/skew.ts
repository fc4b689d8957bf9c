/** Clocks without NTP drift by seconds a day; a stamp this far ahead would hide that its series has stopped. */
export const maxAheadMs = 60_000;
