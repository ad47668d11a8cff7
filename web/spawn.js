/**
 * Workers of our own modules.
 */

/**
 * @param {string} script  the module's whole address
 * @param {string} name  for the developer's tools
 */
export function spawned(script, name) {
  // A blob worker inherits the page's <meta> policy; one from a URL would be free of it.
  const boot = new Blob([`import ${JSON.stringify(script)};`], { type: "text/javascript" });
  const address = URL.createObjectURL(boot);
  const worker = new Worker(address, { type: "module", name });
  for (const sign of ["message", "error"]) {
    worker.addEventListener(sign, () => URL.revokeObjectURL(address), { once: true });
  }
  return worker;
}
