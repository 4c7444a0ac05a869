// Rows of numbers as images.

import { diverging, largest } from "./colours.js";

// An image of a row: {url, …}; signed numbers in two colours around 0, others in shades of ink.
export function draw(row, [height, width, colours = 1], { signed = false, scale = null } = {}) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const [low, high] = scale ?? range(row);
  const limit = largest(row) || 1;
  const shade = (value) => Math.round((255 * (value - low)) / (high - low || 1));
  for (let pixel = 0; pixel < width * height; pixel++) {
    const values = Array.from({ length: colours }, (_, c) => row[pixel * colours + c]);
    let colour;
    if (signed && colours === 1) {
      colour = diverging(Math.sign(values[0]) * Math.sqrt(Math.abs(values[0]) / limit));
    } else if (signed) {
      colour = values.map((value) => 128 + Math.round((127 * value) / limit));
    } else {
      colour = colours === 1 ? Array(3).fill(255 - shade(values[0])) : values.map(shade);
    }
    image.data.set([...colour, 255], pixel * 4);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

function range(row) {
  return [Math.min(0, ...row), Math.max(...row)];
}
