/**
 * HTML's character references in Markdown → characters, without an HTML parser: by number, or by
 * one of HTML 4's names. Of the two thousand names of HTML 5 the others stay as they are written.
 */

/** The names of U+00A0 to U+00FF. */
const LATIN = `
  nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn
  sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave
  Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml
  ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN
  szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute
  icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml
  yacute thorn yuml`;
/** The names of U+0391 to U+03C9. */
const GREEK = `
  Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu Xi Omicron Pi Rho - Sigma
  Tau Upsilon Phi Chi Psi Omega - - - - - - - alpha beta gamma delta epsilon zeta eta theta iota
  kappa lambda mu nu xi omicron pi rho sigmaf sigma tau upsilon phi chi psi omega`;
/** Names and characters by turns. */
const OTHERS = `
  quot " amp & lt < gt > OElig Œ oelig œ Scaron Š scaron š Yuml Ÿ fnof ƒ circ ˆ tilde ˜ thetasym ϑ
  upsih ϒ piv ϖ ndash – mdash — lsquo ‘ rsquo ’ sbquo ‚ ldquo “ rdquo ” bdquo „ dagger † Dagger ‡
  bull • hellip … permil ‰ prime ′ Prime ″ lsaquo ‹ rsaquo › oline ‾ frasl ⁄ euro € image ℑ weierp
  ℘ real ℜ trade ™ alefsym ℵ larr ← uarr ↑ rarr → darr ↓ harr ↔ crarr ↵ lArr ⇐ uArr ⇑ rArr ⇒ dArr
  ⇓ hArr ⇔ forall ∀ part ∂ exist ∃ empty ∅ nabla ∇ isin ∈ notin ∉ ni ∋ prod ∏ sum ∑ minus − lowast
  ∗ radic √ prop ∝ infin ∞ ang ∠ and ∧ or ∨ cap ∩ cup ∪ int ∫ there4 ∴ sim ∼ cong ≅ asymp ≈ ne ≠
  equiv ≡ le ≤ ge ≥ sub ⊂ sup ⊃ nsub ⊄ sube ⊆ supe ⊇ oplus ⊕ otimes ⊗ perp ⊥ sdot ⋅ lceil ⌈ rceil
  ⌉ lfloor ⌊ rfloor ⌋ lang 〈 rang 〉 loz ◊ spades ♠ clubs ♣ hearts ♥ diams ♦ apos '
  ensp \u2002 emsp \u2003 thinsp \u2009 zwnj \u200c zwj \u200d lrm \u200e rlm \u200f`;

/** @param {string} text */
const words = (text) => text.split(/[ \n]+/).filter(Boolean);
/** @type {(names: string, first: number) => [string, string][]} */
const inOrder = (names, first) =>
  words(names).map((name, at) => [name, String.fromCodePoint(first + at)]);
/** @type {[string, string][]} */
const others = words(OTHERS).flatMap((name, at, all) => {
  return at % 2 ? [] : [[name, all[at + 1] ?? ""]];
});
const NAMES = new Map([...inOrder(LATIN, 0xa0), ...inOrder(GREEK, 0x391), ...others]);
const REFERENCE = /&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z][a-z0-9]{1,31}));/gi;

/**
 * @param {string} text
 */
export function decoded(text) {
  return text.replace(REFERENCE, (written, decimal, hexadecimal, name) => {
    if (name) return NAMES.get(name) ?? written;
    const code = decimal ? Number(decimal) : Number.parseInt(hexadecimal, 16);
    const valid = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000);
    return valid ? String.fromCodePoint(code) : "\ufffd";
  });
}
