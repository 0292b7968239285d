// Client script of core:RandomNumber: the reroll button, and counting from run to run.

const HIGHEST = 4294967295;
const FIXED = "固定";

/** A whole number from 0 to 4294967295, each as likely as any other. */
export function randomValue() {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}

/**
 * A button of the node was clicked: "reroll" draws a new value.
 * @param {{buttonName: string, setInputValue: (key: string, value: unknown) => void}} event
 */
export function onButtonClick({ buttonName, setInputValue }) {
  if (buttonName === "reroll") {
    setInputValue("value", randomValue());
  }
}

/**
 * The node has run: what it gave is what the next run starts from, unless it is fixed.
 * @param {{
 *   output: {number?: unknown},
 *   getInputValue: (key: string) => unknown,
 *   setInputValue: (key: string, value: unknown) => void,
 * }} event
 */
export function onNodeComplete({ output, getInputValue, setInputValue }) {
  const mode = getInputValue("mode") ?? FIXED;
  const next = output?.number;
  if (mode !== FIXED && Number.isInteger(next) && next >= 0 && next <= HIGHEST) {
    setInputValue("value", next);
  }
}
