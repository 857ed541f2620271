// The page "What the temperature does". A classic script without libraries, so that it also works from file://.
// Its mathematics follows kdref/_softened.py line by line; tests/test_temperature.py holds it to kdref.
(() => {
  "use strict";

  // ------------------------------------------------------------------------------------------------ mathematics

  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const norm = (values) => Math.hypot(...values);
  const argmax = (values) => values.indexOf(Math.max(...values));

  // softmax(logits / T): shift first, then divide; the largest term, which is 1, stays out of the sum.
  function soften(logits, T) {
    const top = argmax(logits);
    const exponent = logits.map((z) => (z - logits[top]) / T);
    const others = sum(exponent.map((u, i) => (i === top ? 0 : Math.exp(u))));
    const logNormaliser = Math.log1p(others);
    return {
      p: exponent.map((u) => Math.exp(u) / (1 + others)),
      logP: exponent.map((u) => u - logNormaliser),
      entropy: logNormaliser - sum(exponent.map((u) => (Math.exp(u) / (1 + others)) * u)),
    };
  }

  // log q - log p, from differences of logits: near agreement nothing cancels.
  function logRatio(teacher, student, p, q, T) {
    const shared = argmax(p.logP.map((value, i) => value + q.logP[i]));
    const x = teacher.map((t, i) => (student[i] - t - (student[shared] - teacher[shared])) / T);
    const scale = p.p[shared] / q.p[shared];
    const total = sum(x.map((xi, i) => (xi <= 1 ? p.p[i] * Math.expm1(xi) : q.p[i] * scale - p.p[i])));
    const constant = Math.abs(total) < 0.5 ? Math.log1p(total) : p.logP[shared] - q.logP[shared];
    return x.map((xi) => xi - constant);
  }

  // e^d - 1 - d, which expm1(d) - d loses near zero.
  function bregman(d) {
    if (Math.abs(d) > 1) return Math.expm1(d) - d;
    let series = 1;
    for (let k = 20; k > 2; k -= 1) series = 1 + (series * d) / k;
    return ((d * d) / 2) * series;
  }

  // Everything that the page shows of one example. T squared stands in the composite loss and nowhere else.
  function distil({ teacher, student, label }, T, alpha) {
    const [p, q, hard] = [soften(teacher, T), soften(student, T), soften(student, 1)];
    const gap = logRatio(teacher, student, p, q, T);
    const kl = sum(gap.map((g, i) => (g <= 1 ? p.p[i] * bregman(g) : q.p[i] - p.p[i] - p.p[i] * g)));
    const difference = gap.map((g, i) => (g <= 0 ? p.p[i] * Math.expm1(g) : -q.p[i] * Math.expm1(-g)));
    const hardLoss = -hard.logP[label];
    const others = sum(hard.p.filter((_, i) => i !== label)); // 1 - r of the label, which would cancel
    const softGradient = difference.map((d) => d / T);
    const hardGradient = hard.p.map((r, i) => (i === label ? -others : r));
    return {
      p: p.p,
      q: q.p,
      entropy: p.entropy,
      kl,
      hardLoss,
      loss: alpha * T * T * kl + (1 - alpha) * hardLoss,
      softGradient,
      hardGradient,
      gradient: softGradient.map((g, i) => alpha * T * T * g + (1 - alpha) * hardGradient[i]),
    };
  }

  // ---------------------------------------------------------------------------------------------------- drawing

  const EXAMPLES = [
    {
      name: "the article's",
      classes: ["0", "1", "2"],
      teacher: [2.9, 0.1, 0.23],
      student: [1.1, 0.2, 0.2],
      label: 0,
      decades: [-4, 2],
    },
    {
      name: "a horse",
      classes: ["horse", "deer", "dog", "cat", "ship"],
      teacher: [9, 6, 3, 2, -3],
      student: [2, 2.5, 1, 1, 0],
      label: 0,
      decades: [-4, 2],
    },
    {
      name: "almost agreed",
      classes: ["horse", "deer", "dog", "cat", "ship"],
      teacher: [9, 6, 3, 2, -3],
      student: [9.00002, 6, 3, 2.00001, -3],
      label: 0,
      decades: [-10, 2],
    },
  ];
  const LOG2_T = { min: -2, max: 5, step: 0.125 };

  const SVG = "http://www.w3.org/2000/svg";
  function draw(name, attributes, ...children) {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  }

  const BOX = { left: 46, right: 10, top: 12, bottom: 26, width: 380, height: 230 };
  const across = (share) => BOX.left + share * (BOX.width - BOX.left - BOX.right);
  const down = (share) => BOX.height - BOX.bottom - share * (BOX.height - BOX.top - BOX.bottom);

  function panel(label, ticks) {
    const svg = draw("svg", { viewBox: `0 0 ${BOX.width} ${BOX.height}`, role: "img", "aria-label": label });
    for (const [share, text] of ticks) {
      const y = down(share);
      svg.append(
        draw("line", { x1: across(0), x2: across(1), y1: y, y2: y, class: "grid" }),
        draw("text", { x: BOX.left - 6, y: y + 4, "text-anchor": "end" }, text),
      );
    }
    return svg;
  }

  // Probabilities of teacher and student, a pair of bars for each class.
  function bars({ classes }, { p, q }) {
    const svg = panel("softened probabilities of teacher and student", [0, 0.25, 0.5, 0.75, 1].map((v) => [v, `${v}`]));
    const width = 1 / classes.length;
    classes.forEach((name, i) => {
      [p[i], q[i]].forEach((value, side) => {
        const x = across((i + 0.16 + 0.34 * side) * width);
        const bar = { x, width: across(0.34 * width) - across(0), y: down(value), height: down(0) - down(value) };
        svg.append(draw("rect", { ...bar, class: side ? "student" : "teacher" }));
      });
      svg.append(draw("text", { x: across((i + 0.5) * width), y: BOX.height - 8, "text-anchor": "middle" }, name));
    });
    return svg;
  }

  // Sizes of the gradients against T, both logarithmic: what T squared is for.
  function slopes(example, T) {
    const [lowest, highest] = example.decades;
    const share = (value) => Math.max(0, (Math.log10(value) - lowest) / (highest - lowest));
    const ticks = [lowest, (lowest + highest) / 2, highest].map((d) => [share(10 ** d), `1e${d}`]);
    const svg = panel("size of the gradients against the temperature", ticks);
    const at = (log2T) => across((log2T - LOG2_T.min) / (LOG2_T.max - LOG2_T.min));
    const lines = { soft: [], scaled: [], hard: [] };
    for (let log2T = LOG2_T.min; log2T <= LOG2_T.max; log2T += LOG2_T.step) {
      const here = distil(example, 2 ** log2T, 0.5);
      const sizes = { soft: norm(here.softGradient), scaled: 4 ** log2T * norm(here.softGradient), hard: norm(here.hardGradient) };
      for (const [name, size] of Object.entries(sizes)) lines[name].push(`${at(log2T)},${down(share(size))}`);
    }
    for (const [name, points] of Object.entries(lines)) {
      svg.append(draw("polyline", { points: points.join(" "), class: `line ${name}` }));
    }
    svg.append(draw("line", { x1: at(Math.log2(T)), x2: at(Math.log2(T)), y1: down(0), y2: down(1), class: "now" }));
    for (const t of [0.25, 1, 4, 16]) {
      svg.append(draw("text", { x: at(Math.log2(t)), y: BOX.height - 8, "text-anchor": "middle" }, `T = ${t}`));
    }
    return svg;
  }

  const number = (value) => (value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential(6) : value.toFixed(6));

  function mount(root) {
    root.innerHTML = `
      <div class="controls">
        <label>example <select class="example">${EXAMPLES.map((e) => `<option>${e.name}</option>`).join("")}</select></label>
        <label>temperature <i>T</i> = <output class="T"></output>
          <input class="temperature" type="range" min="${LOG2_T.min}" max="${LOG2_T.max}" step="${LOG2_T.step}"></label>
        <label>weight <i>α</i> = <output class="a"></output>
          <input class="alpha" type="range" min="0" max="1" step="0.05"></label>
      </div>
      <div class="panels">
        <figure><div class="bars"></div><figcaption><b class="teacher">■</b> teacher's <i>p</i>
          <b class="student">■</b> student's <i>q</i></figcaption></figure>
        <figure><div class="slopes"></div><figcaption>size of the gradient of <b class="soft">▬</b> KL,
          <b class="scaled">▬</b> <i>T</i>² KL, <b class="hard">▬</b> the hard loss</figcaption></figure>
      </div>
      <dl class="numbers" aria-live="polite"></dl>`;
    const find = (name) => root.querySelector(`.${name}`);
    const [chosen, temperature, weight] = ["example", "temperature", "alpha"].map(find);

    function show() {
      const example = EXAMPLES[chosen.selectedIndex];
      const [T, alpha] = [2 ** Number(temperature.value), Number(weight.value)];
      const now = distil(example, T, alpha);
      find("T").textContent = T.toFixed(2);
      find("a").textContent = alpha.toFixed(2);
      temperature.setAttribute("aria-valuetext", `T = ${T.toFixed(2)}`);
      find("bars").replaceChildren(bars(example, now));
      find("slopes").replaceChildren(slopes(example, T));
      const rows = [
        ["entropy of <i>p</i>", now.entropy, "entropy"],
        ["KL(<i>p</i> ‖ <i>q</i>)", now.kl, "kl"],
        ["hard loss", now.hardLoss, "hardLoss"],
        ["<i>α</i> <i>T</i>² KL + (1 − <i>α</i>) hard", now.loss, "loss"],
      ];
      find("numbers").innerHTML = rows
        .map(([title, value, name]) => `<div><dt>${title}</dt><dd data-value="${name}">${number(value)}</dd></div>`)
        .join("");
    }

    temperature.value = Math.log2(4);
    weight.value = 0.9;
    for (const control of [chosen, temperature, weight]) control.addEventListener("input", show);
    show();
  }

  globalThis.kdrefTemperature = { distil, EXAMPLES };
  if (typeof document !== "undefined") mount(document.getElementById("temperature"));
})();
