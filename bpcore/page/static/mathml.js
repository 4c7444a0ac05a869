// The LaTeX of an explanation as MathML: what bpcore/explain/mathml.py does, as elements.

const NAMESPACE = "http://www.w3.org/1998/Math/MathML";
const TOKEN = /\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\S/gu;
const LETTERS = {
  "\\partial": "∂", "\\sigma": "σ", "\\Phi": "Φ", "\\varphi": "φ", "\\infty": "∞",
  "\\eta": "η", "\\theta": "θ", "\\nabla": "∇", "\\Delta": "Δ",
};
const SIGNS = {
  "-": "−", "'": "′", "\\cdot": "·", "\\times": "×", "\\pm": "±", "\\sum": "∑",
  "\\approx": "≈", "\\leftarrow": "←",
};
const SPACES = { "\\,": "0.17em", "\\ ": "0.33em" };
// in front of a number and not between two
const OPENING = new Set([null, "(", "=", ",", "<", ">", "\\cdot", "\\approx", "\\times", "\\ ",
  "\\leftarrow"]);

function element(name, ...children) {
  const made = document.createElementNS(NAMESPACE, name);
  made.append(...children);
  return made;
}

// A <math> element, its fractions in full size; what assistive technology reads is the text.
export function math(formula) {
  const made = element("math", row(formula.latex.match(TOKEN)));
  made.setAttribute("displaystyle", "true");
  made.setAttribute("aria-label", formula.text);
  return made;
}

// Up to the closing brace, or all; takes the tokens away.
function row(tokens) {
  const parts = [];
  let before = null;
  while (tokens.length && tokens[0] !== "}") {
    const sign = tokens[0];
    if ((sign === "-" || sign === "\\pm") && OPENING.has(before)) {
      tokens.shift();
      parts.push(attributed(element("mo", SIGNS[sign]), "form", "prefix"));
    } else {
      parts.push(scripted(tokens));
    }
    before = sign;
  }
  return element("mrow", ...parts);
}

// One thing with its index and its exponent.
function scripted(tokens) {
  const isSum = tokens[0] === "\\sum";
  const base = one(tokens);
  const below = [];
  const above = [];
  while (tokens.length && ["_", "^", "'"].includes(tokens[0])) {
    const script = tokens.shift();
    if (script === "_") below.push(one(tokens));
    else above.push(script === "^" ? one(tokens) : element("mi", "′"));
  }
  // a prime is raised by itself
  if (!below.length && above.length === 1 && above[0].textContent === "′") {
    return element("mrow", base, ...above);
  }
  const together = (parts) => (parts.length > 1 ? element("mrow", ...parts) : parts[0]);
  const [under, over] = [together(below), together(above)];
  if (isSum && under) return element("munder", base, under);
  if (under && over) return element("msubsup", base, under, over);
  if (under) return element("msub", base, under);
  return over ? element("msup", base, over) : base;
}

// A letter, a number, a sign, a word, a fraction or what stands in braces.
function one(tokens) {
  const token = tokens.shift();
  if (token === "{") {
    const inside = row(tokens);
    tokens.shift();
    return inside;
  }
  if (token === "\\frac") return element("mfrac", one(tokens), one(tokens));
  if (token === "\\mathrm") {
    tokens.shift();
    let word = "";
    for (let part; (part = tokens.shift()) !== "}";) word += part.replace(/^\\/, "");
    return element("mtext", word);
  }
  if (token in SPACES) return attributed(element("mspace"), "width", SPACES[token]);
  if (/^\d/.test(token)) return element("mn", token);
  if (token in LETTERS || /^\p{L}$/u.test(token)) {
    return element("mi", LETTERS[token] ?? token);
  }
  const sign = element("mo", SIGNS[token] ?? token);
  // parentheses would grow with a fraction that stands beside them
  return "()".includes(token) ? attributed(sign, "stretchy", "false") : sign;
}

function attributed(made, name, value) {
  made.setAttribute(name, value);
  return made;
}
