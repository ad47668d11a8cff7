/**
 * What of a request reaches the engine as it is: requests travel as JSON, which would turn NaN into
 * null, and null is the default. It says what is wrong and does not throw.
 */

/** @import { Failure } from "../base/protocol.js" */

/** Levels of lists and objects; an object that contains itself has no end of them. */
const MAX_NESTING = 100;
const MAX_SHOWN = 200; // characters of a value in a message

/**
 * The failure that py_engine/base/errors.py has under this name.
 *
 * @param {string} name
 * @param {unknown} value
 * @param {string} wanted
 * @returns {Failure}
 */
export function badRequest(name, value, wanted) {
  return { name: "BadRequest", message: `${name} is ${shown(value)}; wanted: ${wanted}`, hint: "",
    trace: "" };
}

/**
 * What is wrong with the first value that JSON cannot say.
 *
 * @param {object} message  of protocol.js; its options are named without a prefix
 * @returns {Failure | null}
 */
export function unsayable(message) {
  for (const [name, value] of Object.entries(message)) {
    const found = unsayableIn(value, name === "options" ? "" : name, 0);
    if (found) return found;
  }
  return null;
}

/**
 * @param {unknown} value
 * @param {string} name
 * @param {number} depth
 * @returns {Failure | null}
 */
function unsayableIn(value, name, depth) {
  if (["number", "bigint"].includes(typeof value)) {
    return Number.isFinite(value) ? null : badRequest(name, value, "a finite number");
  }
  if (["function", "symbol"].includes(typeof value)) {
    return badRequest(name, value, "text, a number, a boolean, null, a list or an object");
  }
  if (value === null || typeof value !== "object" || value instanceof Blob) return null;
  if (depth === MAX_NESTING) {
    return badRequest("the nesting of a value", depth, `less than ${MAX_NESTING} levels`);
  }
  for (const [key, item] of Object.entries(value)) {
    const inner = Array.isArray(value) ? `${name}[${key}]` : name ? `${name}.${key}` : key;
    const found = unsayableIn(item, inner, depth + 1);
    if (found) return found;
  }
  return null;
}

/** @param {unknown} value */
function shown(value) {
  const plain = typeof value === "object" || typeof value === "string";
  const text = plain ? JSON.stringify(value) : String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
