"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");
  const AWAY = -32768, NONE = -1;
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  /* Columns of parsekit_report/playback.py: a byte a tick, 0x80 before a value of two
     bytes, 0x00 before a number of ticks without a change. */
  function column(text, ticks) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const out = new Int16Array(ticks);
    for (let i = 0, at = 0, value = AWAY, run = 0; i < ticks; i++) {
      const byte = run ? 0 : bytes[at++];
      if (byte === 0) {
        run = (run || bytes[at++]) - 1;
      } else if (byte === 0x80) {
        value = ((bytes[at] | (bytes[at + 1] << 8)) << 16) >> 16;
        at += 2;
      } else {
        value += byte < 128 ? byte : byte - 256;
      }
      out[i] = value;
    }
    return out;
  }

  const two = (number) => String(number).padStart(2, "0");
  const minutes = (s) => `${Math.floor(s / 60)}:${two(Math.floor(s % 60))}`;
  const make = (name, properties = {}, ...inside) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...inside);
    return element;
  };

  class Player {
    constructor(section) {
      const data = JSON.parse(section.querySelector("script.playback").textContent);
      const track = (three) => three.map((text) => column(text, data.ticks));
      Object.assign(this, {
        section, data, anchor: section.dataset.match, time: 0, playing: false,
        end: (data.ticks - 1) / data.rate,
        ball: track(data.ball),
        clock: column(data.clock, data.ticks),
        cars: data.cars.map((car) => ({
          name: car.name, team: car.team, at: track(car.at), boost: column(car.boost, data.ticks),
        })),
      });
      const find = (selector) => section.querySelector(selector);
      this.canvas = find("canvas");
      this.pen = this.canvas.getContext("2d");
      this.button = find(".play");
      this.range = find("input[type=range]");
      this.speed = find("select");
      this.names = find(".names");
      this.now = find(".now");
      this.range.max = this.end;
      this.marks(find(".marks"));
      this.list(find(".log ol"));
      this.strips();
      find(".player").hidden = false;
      this.listen();
      this.colors();
      new ResizeObserver(() => this.draw()).observe(this.canvas);
      this.draw();
    }

    listen() {
      this.button.addEventListener("click", () => this.toggle());
      this.canvas.addEventListener("click", () => this.toggle());
      this.range.addEventListener("input", () => this.go(Number(this.range.value)));
      this.names.addEventListener("change", () => this.draw());
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.colors(); this.draw(); });
      this.section.addEventListener("keydown", (event) => this.key(event));
    }

    key(event) {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const own = event.target === this.canvas;
      const moves = { ArrowLeft: -5, ArrowRight: 5, ",": -0.1, ".": 0.1 };
      if (own && event.key === " ") this.toggle();
      else if (own && event.key in moves) this.go(this.time + moves[event.key]);
      else if (own && event.key === "Home") this.go(0);
      else if (own && event.key === "End") this.go(this.end);
      else if (own && event.key === "ArrowUp") this.jump(1);
      else if (own && event.key === "ArrowDown") this.jump(-1);
      else return;
      event.preventDefault();
    }

    jump(step) {
      const times = this.data.events.map((each) => each[0]);
      const next = step > 0 ? times.find((t) => t > this.time + 0.05) : times.findLast((t) => t < this.time - 0.05);
      if (next !== undefined) this.go(next);
    }

    marks(svg) {
      for (const [time, kind, team] of this.data.events) {
        if (kind !== "goal") continue;
        const path = document.createElementNS(svg.namespaceURI, "path");
        path.setAttribute("d", `M${(1000 * time) / this.end} 0V10`);
        path.setAttribute("class", ["blue", "orange"][team] ?? "");
        svg.append(path);
      }
    }

    list(box) {
      const words = { goal: "Goal", save: "Save", shot: "Shot", demolition: "Demolition", kickoff: "Kick-off" };
      for (const [time, kind, team, clock, who] of this.data.events) {
        const link = make("a", { href: `#${this.anchor}t=${time.toFixed(1)}`, className: ["blue", "orange"][team] ?? "" },
          make("span", { className: "when", textContent: clock }),
          make("span", { textContent: words[kind] ?? kind }), make("bdi", { textContent: who }));
        box.append(make("li", {}, link));
      }
    }

    strips() {
      const box = this.section.parentElement.querySelector(`#${CSS.escape(this.section.id.replace(/watch$/, "clock"))} .strips`);
      if (!box) return;
      this.line = make("div", { className: "cursor" });
      box.append(this.line);
      this.lane = box.querySelector(".strip > svg");
      this.box = box;
      box.addEventListener("click", (event) => {
        const lane = this.lane.getBoundingClientRect();
        const share = (event.clientX - lane.left) / lane.width;
        if (share >= 0 && share <= 1) this.go(share * this.end);
      });
    }

    toggle() {
      this.playing = !this.playing;
      if (this.playing && this.time >= this.end - 0.05) this.time = 0;
      this.button.textContent = this.playing ? "Pause" : "Play";
      this.button.setAttribute("aria-pressed", String(this.playing));
      this.before = undefined;
      if (this.playing) requestAnimationFrame((now) => this.step(now));
    }

    step(now) {
      if (!this.playing) return;
      const passed = this.before === undefined ? 0 : Math.min(0.25, (now - this.before) / 1000);
      this.before = now;
      this.go(this.time + passed * Number(this.speed.value));
      if (this.time >= this.end) this.toggle();
      else requestAnimationFrame((next) => this.step(next));
    }

    go(time) {
      this.time = Math.max(0, Math.min(this.end, time));
      this.draw();
    }

    colors() {
      const style = getComputedStyle(root);
      const color = (name) => style.getPropertyValue(`--${name}`).trim();
      this.color = {
        ink: color("ink"), soft: color("soft"), card: color("card"), ground: color("ground"), chalk: color("chalk"),
        sides: [color("blue-fill"), color("orange-fill")], texts: [color("blue"), color("orange")],
      };
    }

    /* A place between two ticks; null while away, and no way is drawn through a wall of time. */
    place(track) {
      const at = this.time * this.data.rate, i = Math.min(Math.floor(at), this.data.ticks - 1), part = at - i;
      const j = Math.min(i + 1, this.data.ticks - 1);
      if (track[0][i] === AWAY) return null;
      const far = track[0][j] === AWAY || Math.abs(track[0][j] - track[0][i]) + Math.abs(track[1][j] - track[1][i]) > 250;
      return track.map((axis) => (far ? axis[i] : axis[i] + (axis[j] - axis[i]) * part) * this.data.step);
    }

    draw() {
      const ratio = devicePixelRatio || 1, width = this.canvas.clientWidth, height = this.canvas.clientHeight;
      if (!width) return;
      if (this.canvas.width !== Math.round(width * ratio)) {
        this.canvas.width = Math.round(width * ratio);
        this.canvas.height = Math.round(height * ratio);
      }
      const { pen, data } = this;
      const scale = Math.min(width / (2 * data.length + 2000), height / (2 * data.width + 300));
      this.scale = scale;
      this.unit = Math.max(0.6, Math.min(1.6, width / 900));
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.clearRect(0, 0, width, height);
      this.at = (place) => [width / 2 + place[1] * scale, height / 2 - place[0] * scale];
      this.ground();
      this.cars.forEach((car) => this.car(car));
      this.drawBall();
      const seconds = this.clock[Math.min(Math.floor(this.time * data.rate), data.ticks - 1)];
      this.now.textContent = seconds > NONE ? `${minutes(seconds)} on the clock` : minutes(this.time);
      this.range.value = this.time;
      this.range.setAttribute("aria-valuetext", this.now.textContent);
      if (this.line) {
        const lane = this.lane.getBoundingClientRect(), box = this.box.getBoundingClientRect();
        this.line.style.left = `${lane.left - box.left + (lane.width * this.time) / this.end}px`;
      }
    }

    ground() {
      const { pen, data, color } = this, L = data.length, W = data.width;
      const outline = data.standard
        ? [[W - 1152, -L], [W, -L + 1152], [W, L - 1152], [W - 1152, L], [893, L], [893, L + 880], [-893, L + 880], [-893, L],
           [1152 - W, L], [-W, L - 1152], [-W, 1152 - L], [1152 - W, -L], [-893, -L], [-893, -L - 880], [893, -L - 880], [893, -L]]
        : [[W, -L], [W, L], [-W, L], [-W, -L]];
      pen.beginPath();
      outline.forEach((place) => pen.lineTo(...this.at(place)));
      pen.closePath();
      pen.fillStyle = color.ground;
      pen.fill();
      pen.strokeStyle = color.chalk;
      pen.lineWidth = 1.5;
      pen.stroke();
      pen.beginPath();
      pen.moveTo(...this.at([W, 0]));
      pen.lineTo(...this.at([-W, 0]));
      pen.stroke();
      [[-L, 0], [L, 1]].forEach(([y, team]) => {
        pen.strokeStyle = color.sides[team];
        pen.lineWidth = 4;
        pen.beginPath();
        pen.moveTo(...this.at([893, y]));
        pen.lineTo(...this.at([-893, y]));
        pen.stroke();
      });
      pen.fillStyle = color.chalk;
      for (const [x, y, big] of data.pads) {
        pen.beginPath();
        pen.arc(...this.at([x, y]), (big ? 5 : 2) * this.unit, 0, 7);
        pen.fill();
      }
    }

    car(car) {
      const place = this.place(car.at);
      if (!place) return;
      const { pen, unit, color } = this, [x, y] = this.at(place);
      const size = (7 + Math.min(5, place[2] / 300)) * unit;
      const boost = car.boost[Math.min(Math.floor(this.time * this.data.rate), this.data.ticks - 1)];
      pen.fillStyle = color.sides[car.team] ?? color.soft;
      pen.strokeStyle = color.card;
      pen.lineWidth = 1.5;
      pen.beginPath();
      if (car.team === 1) pen.rect(x - size, y - size, 2 * size, 2 * size);
      else pen.arc(x, y, size, 0, 7);
      pen.fill();
      pen.stroke();
      if (boost !== AWAY) {
        pen.strokeStyle = color.texts[car.team] ?? color.soft;
        pen.lineWidth = 3 * unit;
        pen.beginPath();
        pen.arc(x, y, size + 4.5 * unit, -Math.PI / 2, -Math.PI / 2 + (Math.PI * boost) / 50);
        pen.stroke();
      }
      if (this.names.checked) this.word(car, x, y - size - 8 * unit);
    }

    word(car, x, y) {
      const { pen, unit, color } = this;
      const name = car.name.length > 18 ? `${car.name.slice(0, 17)}…` : car.name;
      pen.font = `600 ${Math.round(11 * Math.max(0.85, unit))}px system-ui, sans-serif`;
      pen.textAlign = "center";
      pen.lineWidth = 3;
      pen.lineJoin = "round";
      pen.strokeStyle = color.ground;
      pen.strokeText(name, x, y);
      pen.fillStyle = color.texts[car.team] ?? color.soft;
      pen.fillText(name, x, y);
    }

    drawBall() {
      const place = this.place(this.ball);
      if (!place) return;
      const { pen, unit, color } = this, [x, y] = this.at(place);
      const size = (6 + Math.min(8, place[2] / 200)) * unit;
      pen.beginPath();
      pen.arc(x, y, size, 0, 7);
      pen.fillStyle = color.card;
      pen.fill();
      pen.strokeStyle = color.ink;
      pen.lineWidth = 2.5;
      pen.stroke();
    }
  }

  const players = new Map();
  const start = (section) => {
    if (!players.has(section.dataset.match)) players.set(section.dataset.match, new Player(section));
    return players.get(section.dataset.match);
  };
  for (const section of document.querySelectorAll("section.watch")) {
    const folded = section.closest("details.match:not([open])");
    if (folded) folded.addEventListener("toggle", () => start(section), { once: true });
    else start(section);
  }

  /* #t=123.4 is a moment of the page's match, #m2.t=123.4 one of its second. */
  function moment() {
    const found = /^#(|m\d+\.)t=(\d+(?:\.\d+)?)$/.exec(location.hash);
    if (!found) return;
    const section = [...document.querySelectorAll("section.watch")].find((each) => each.dataset.match === found[1]);
    if (!section) return;
    const folded = section.closest("details.match");
    if (folded) folded.open = true;
    const player = start(section);
    player.go(Number(found[2]));
    section.scrollIntoView({ behavior: still.matches ? "auto" : "smooth", block: "start" });
    player.canvas.focus({ preventScroll: true });
  }
  addEventListener("hashchange", moment);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href*='t=']");
    if (link && link.hash === location.hash) moment();
  });
  moment();

  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    const value = (row, index) => {
      const cell = row.cells[index], text = cell.dataset.v ?? cell.textContent.trim();
      return index === 0 ? text : text === "" || Number.isNaN(Number(text)) ? null : Number(text);
    };
    [...table.tHead.rows[0].cells].forEach((head, index) => {
      const button = make("button", { type: "button", className: "sort" }, ...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") !== "descending" && index > 0;
        for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].sort((a, b) => {
          const [x, y] = [value(a, index), value(b, index)];
          if (x === null || y === null) return (x === null) - (y === null);
          const order = index === 0 ? x.localeCompare(y) : x - y;
          return down ? -order : order;
        });
        body.append(...rows);
      });
    });
    const copy = make("button", { type: "button", className: "copy", textContent: "Copy" });
    copy.setAttribute("aria-label", `Copy the table ${table.dataset.name}`);
    copy.addEventListener("click", async () => {
      const cell = (each) => (each.dataset.v ?? each.textContent).trim().replace(/\s+/g, " ");
      const text = [...table.rows].map((row) => [...row.cells].map(cell).join("\t")).join("\n");
      try {
        await navigator.clipboard.writeText(text);
        copy.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(table);
        copy.textContent = "Selected";
      }
    });
    table.closest(".statistics").prepend(copy);
  }
})();
