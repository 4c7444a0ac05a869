// The symbols and numbers of a derivation, as text and as LaTeX: what bpcore/explain/notation.py
// writes, held to it by the tests, letter by letter.

export class Formula {
  constructor(text, latex = text, rounded = false) {
    this.text = text;
    this.latex = latex;
    this.rounded = rounded; // whether a number in it is
  }
}

// w_3,7^(2): a letter, its layer above, its units below
export function symbol(letter, layer, ...units) {
  const below = units.join(",");
  const above = layer === null ? ["", ""] : [`^(${layer})`, `^{(${layer})}`];
  return new Formula(
    letter + (below && `_${below}`) + above[0],
    letter + (below && `_{${below}}`) + above[1]);
}

export function derivative(of, by) {
  return new Formula(
    `∂${of.text}/∂${by.text}`, String.raw`\frac{\partial ${of.latex}}{\partial ${by.latex}}`);
}

// σ'(z)
export function slopeOf(z) {
  return new Formula(`σ'(${z.text})`, String.raw`\sigma'(${z.latex})`);
}

export function product(...factors) {
  return new Formula(
    factors.map((one) => one.text).join(" · "),
    factors.map((one) => one.latex).join(String.raw` \cdot `),
    factors.some((one) => one.rounded));
}

export function sumOver(index, term) {
  return new Formula(
    `Σ_${index} ${term.text}`, String.raw`\sum_${index} ${term.latex}`, term.rounded);
}

export function joined(left, sign, right) {
  return new Formula(
    `${left.text}${sign}${right.text}`, `${left.latex}${sign}${right.latex}`,
    left.rounded || right.rounded);
}

// A formula as a factor: in parentheses where it is more than one.
export function inParentheses(formula) {
  let outside = formula.text;
  for (let before = ""; outside !== before;) {
    before = outside;
    outside = outside.replace(/\([^()]*\)/g, "");
  }
  if (!outside.startsWith("-") && !/ [-+] |, | if /.test(outside)) return formula;
  return new Formula(`(${formula.text})`, `(${formula.latex})`, formula.rounded);
}

// ---------------------------------------------------------------- numbers

// So many significant digits of a number, as C's %g writes them.
export function general(value, digits) {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return "0";
  const [mantissa, exponent] = toEven(value, digits).split("e");
  const power = Number(exponent);
  if (power < -4 || power >= digits) {
    const sign = power < 0 ? "-" : "+";
    return `${withoutZeros(mantissa)}e${sign}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  return withoutZeros(Number(`${mantissa}e${exponent}`).toFixed(Math.max(digits - 1 - power, 0)));
}

// A number halfway between two goes to the even one; JavaScript's own goes away from zero.
function toEven(value, digits) {
  const rounded = value.toExponential(digits - 1);
  const [mantissa, exponent] = value.toExponential(60).split("e");
  const all = mantissa.replace("-", "").replace(".", "");
  const isHalf = /^50*$/.test(all.slice(digits)) && Number(all[digits - 1]) % 2 === 0;
  if (!isHalf) return rounded;
  const first = all[0] + (digits > 1 ? `.${all.slice(1, digits)}` : "");
  return `${value < 0 ? "-" : ""}${first}e${exponent}`;
}

function withoutZeros(text) {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

// 13,002
export function grouped(n) {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
}

// A number to so many digits; as an operand a negative one stands in parentheses. It is rounded
// where it differs from the value by more than the tolerance, relatively.
export function number(value, digits = 4, { operand = false, tolerance = 1e-14 } = {}) {
  let text = general(value, digits);
  const rounded = Math.abs(printed(text) - value) > tolerance * Math.abs(value);
  let latex = text;
  if (text.includes("e")) {
    const [mantissa, exponent] = text.split("e");
    latex = String.raw`${mantissa} \times 10^{${Number(exponent)}}`;
  }
  latex = { nan: String.raw`\mathrm{nan}`, inf: String.raw`\infty`,
    "-inf": String.raw`-\infty` }[text] ?? latex;
  if (operand && text.startsWith("-")) [text, latex] = [`(${text})`, `(${latex})`];
  return new Formula(text, latex, rounded);
}

function printed(text) {
  return { inf: Infinity, "-inf": -Infinity }[text] ?? Number(text);
}

// To how many digits operands are printed, so that a reader who combines them gets the whole, to
// within a unit of its last digit. Each of the lines is [operands, whole]; they share the number.
export function enoughDigits(lines, combine, digits) {
  const asPrinted = (value, n) => printed(general(value, n));
  const wholes = lines.map(([, whole]) => asPrinted(whole, digits));
  const units = wholes.map((whole) =>
    whole === 0 ? 0 : 1.001 * 10 ** (Math.floor(Math.log10(Math.abs(whole))) - digits + 1));
  for (let more = digits; more < digits + 13; more++) {
    const enough = lines.every(([operands], at) => {
      const combined = combine(...operands.map((one) => asPrinted(one, more)));
      return Math.abs(combined - wholes[at]) <= units[at];
    });
    if (enough) return more;
  }
  return digits; // it is not the printing that sets them apart
}

export function times(...factors) {
  return factors.reduce((result, one) => result * one, 1);
}

// ---------------------------------------------------------------- formulas of the library's rows

// A formula [text, LaTeX] of the description, with its operands put in.
function written([text, latex], operands) {
  const place = /@(-p|1-p|[azyp])/g;
  return new Formula(
    text.replace(place, (_, name) => operands[name].text),
    latex.replace(place, (_, name) => operands[name].latex),
    [...text.matchAll(place)].some(([, name]) => operands[name].rounded));
}

// σ'(z) for operands a and z
export function slopeFormula(sigma, a, z, digits = 4) {
  return written(sigma.slope, { a, z, p: number(sigma.parameter ?? 0, digits) });
}

// ∂C/∂a of an output for operands a and y
export function lossFormula(loss, unit, a, y, digits = 4) {
  const p = loss.parameters?.[unit] ?? 0;
  return written(loss.slope, {
    a, y, p: number(p, digits), "-p": number(-p, digits), "1-p": number(1 - p, digits),
  });
}
