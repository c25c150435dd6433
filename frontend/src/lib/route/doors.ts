// The pages before one is in. Whoever is not signed in may stay on these.
export const SIGN_IN = "/sign-in/";
export const SETUP = "/setup/";
export const SECOND_FACTOR = "/second-factor/";

const open = [SIGN_IN, "/forgot-password/", "/reset-password/", "/invitation/", "/confirm-email/", "/erasure/"];

export const isOpen = (path: string): boolean => open.some((door) => path.startsWith(door.slice(0, -1)));
/** Doors that one passes: nobody is led back to them. */
export const isPassed = (path: string): boolean => [SIGN_IN, SETUP, SECOND_FACTOR].some((door) => path.startsWith(door.slice(0, -1)));

/** The door, and where to go behind it. */
export const doorTo = (door: string, target: string): string => (target === "/" ? door : `${door}?next=${encodeURIComponent(target)}`);
