// The browser's tokenizer library behind the one call that text/tokenizer.py makes.
//
// Python builds the tokenizer.json from the GGUF's metadata, without special tokens, and splits
// those off itself: this file sees plain text only. Ids cross as one Int32Array, which Python
// turns into a list in one go:  encoder.encode(text).to_py().tolist()

// @ts-expect-error -- build.py lays the npm package's file beside this one; its types come below.
import { Tokenizer as Library } from "./tokenizers.min.mjs";

/** @type {typeof import("@huggingface/tokenizers").Tokenizer} */
const Tokenizer = Library;

/**
 * @typedef {object} Encoder
 * @property {(text: string) => Int32Array} encode  plain text to ids, nothing added
 */

/**
 * @param {string} tokenizerJson  the text of a tokenizer.json
 * @returns {Encoder}
 */
export function makeEncoder(tokenizerJson) {
  const tokenizer = new Tokenizer(JSON.parse(tokenizerJson), {});
  return {
    encode(text) {
      const { ids } = tokenizer.encode(text, { add_special_tokens: false });
      return Int32Array.from(ids);
    },
  };
}
