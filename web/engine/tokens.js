// The browser's tokenizer library behind the one call that text/tokenizer.py makes.
//
// What cuts a text into words is the library's; what joins their characters to tokens is
// merges.js. Python splits special tokens off before: this file sees plain text only. Ids cross
// as one Int32Array, which Python turns into a list in one go:
// encoder.encode(text).to_py().tolist()

// @ts-expect-error -- build.py lays the npm package's file there; its types come below.
import { Tokenizer as Library } from "../npm/tokenizers.min.mjs";

import { Merges } from "./merges.js";

/** @type {typeof import("@huggingface/tokenizers").Tokenizer} */
const Tokenizer = Library;

/**
 * @typedef {object} Encoder
 * @property {(text: string) => Int32Array} encode  plain text to ids, nothing added
 */

/**
 * What `packed` of text/tokenizer_json.py gives.
 *
 * @param {string} rules  JSON: `normalizer` and `pre_tokenizer` as in a tokenizer.json, and
 *   `whole` and `unknown` of `Merges`
 * @param {Uint8Array} tokens
 * @param {Uint8Array} merges
 * @returns {Encoder}
 */
export function makeEncoder(rules, tokens, merges) {
  const { whole, unknown, ...steps } = JSON.parse(rules);
  const model = { type: "BPE", vocab: {}, merges: [] }; // the library wants one
  const described = { ...steps, model, post_processor: null, decoder: null, added_tokens: [] };
  const { normalizer, pre_tokenizer: cut } = new Tokenizer(described, {});
  const joiner = new Merges(tokens, merges, whole, unknown);
  return {
    encode(text) {
      const plain = normalizer ? normalizer(text) : text;
      const words = /** @type {string[]} */ (cut ? cut(plain) : [plain]);
      return Int32Array.from(words.flatMap((word) => joiner.ids(word)));
    },
  };
}
