/** How many paths the row `hash-part` asks for at a time. */
export const lookUps = 1000;
