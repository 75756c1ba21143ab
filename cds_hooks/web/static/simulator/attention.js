// Who asks for something is brought to the answer; who types on or moves elsewhere before it comes stays where they are.
let moves = 0;
for (const kind of ["focusin", "input"]) addEventListener(kind, () => { moves += 1; }, { capture: true });

/** Called when the reader acts: what it returns brings them to an element later, unless they did something else meanwhile.
 *  It says whether it did. */
export function awaiting() {
  const then = moves;
  return (target, options) => {
    if (moves !== then) return false;
    target.focus(options);
    return true;
  };
}
