// Files that are chosen or dropped go up one after the other, and each line says how far its is.
"use strict";
(() => {
  const form = document.getElementById("upload"), input = document.getElementById("file");
  const zone = document.getElementById("drop"), list = document.getElementById("uploads");
  const summary = document.getElementById("summary");
  const AT_ONCE = 2, POLL_MS = 1000, SLOWEST_POLL_MS = 8000;
  const waiting = [], parsing = [];
  let sending = 0, polling = false, ended = 0, total = 0;

  const count = () => {
    summary.textContent = total ? `${ended} of ${total} done` : "";
  };
  const link = (id, text) => {
    const made = document.createElement("a");
    made.href = `/replay/${encodeURIComponent(id)}`;
    made.textContent = text;
    return made;
  };

  function line(name) {
    const item = document.createElement("li"), shown = document.createElement("bdi");
    const bar = document.createElement("progress"), state = document.createElement("span");
    shown.textContent = name;
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", `upload of ${name}`);
    state.textContent = "waits";
    item.append(shown, bar, state);
    list.append(item);
    return {
      say(...words) { state.replaceChildren(...words); },
      sent(share) {
        bar.value = share;
        state.textContent = share < 1 ? `${Math.floor(100 * share)} % sent` : "being checked";
      },
      parsing() {
        bar.removeAttribute("value");
        bar.setAttribute("aria-label", `parse of ${name}`);
        state.textContent = "being parsed";
      },
      end(wrong, ...words) {
        bar.remove();
        state.className = wrong ? "wrong" : "done";
        state.replaceChildren(...words);
        ended += 1;
        count();
      },
    };
  }

  function add(files) {
    for (const file of files) {
      waiting.push({ file, line: line(file.name) });
      total += 1;
    }
    count();
    while (sending < AT_ONCE && waiting.length) send(waiting.shift());
  }

  function send({ file, line }) {
    const call = new XMLHttpRequest(), body = new FormData();
    for (const name of ["form_token", "visibility", "group"]) body.append(name, form.elements[name].value);
    body.append("file", file);
    call.open("POST", form.action);
    call.setRequestHeader("Accept", "application/json");
    call.responseType = "json";
    call.upload.onprogress = (event) => event.lengthComputable && line.sent(event.loaded / event.total);
    call.onload = () => answered(call, line);
    call.onerror = () => line.end(true, "the server can't be reached; choose the file again later");
    call.onloadend = () => {
      sending -= 1;
      if (waiting.length) send(waiting.shift());
    };
    sending += 1;
    call.send(body);
  }

  function answered(call, line) {
    const answer = call.response || {};
    const done = answer.files && answer.files[0];
    if (!done) line.end(true, answer.error || `the server answered ${call.status}; try again`);
    else if (done.verdict === "refused") line.end(true, `refused: ${done.reason}`);
    else if (done.verdict === "duplicate") line.end(false, "is there already: ", link(done.id, "the first upload"));
    else {
      line.parsing();
      parsing.push({ id: done.id, line });
      if (!polling) poll(POLL_MS);
    }
  }

  // the queue goes by age, so that the oldest alone is asked after
  async function poll(delay) {
    polling = parsing.length > 0;
    if (!polling) return;
    const { id, line } = parsing[0];
    let known = {};
    try {
      const answer = await fetch(`/replay/${encodeURIComponent(id)}/status`, { headers: { Accept: "application/json" } });
      known = answer.ok || answer.status < 500 ? await answer.json() : {};
    } catch { /* asked again below */ }
    if (known.status === "ok") line.end(false, link(id, known.title));
    else if (known.status === "failed") line.end(true, "can't be parsed: ", known.reason, " ", link(id, "its page"));
    else if (known.error) line.end(true, known.error);
    else {
      setTimeout(poll, delay, Math.min(delay * 1.3, SLOWEST_POLL_MS));
      return;
    }
    parsing.shift();
    poll(POLL_MS);
  }

  input.required = false;
  form.querySelector("button").hidden = true;
  zone.classList.add("ready");
  document.getElementById("file-hint").prepend("Drop files here or choose them; they are sent at once. ");
  input.addEventListener("change", () => { add(input.files); input.value = ""; });
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      if (!event.dataTransfer || !event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      zone.classList.toggle("over", kind !== "drop" && kind !== "dragleave");
      if (kind === "drop") add(event.dataTransfer.files);
    });
  }
  addEventListener("beforeunload", (event) => { if (sending) event.preventDefault(); });
})();
