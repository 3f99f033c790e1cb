// The log while it happens: new rows on top every two seconds. Without this script the page loads itself again.
"use strict";
(() => {
  const body = document.querySelector("#log tbody");
  const empty = document.querySelector("#empty");
  const status = document.querySelector("#live");
  const filter = new URLSearchParams(location.search);
  let last = Number(body.dataset.last);

  const cell = (head, lines) => {
    const made = document.createElement("td");
    made.dataset.head = head;
    const holder = document.createElement("span");
    lines.filter((line) => line.text).forEach((line, place) => {
      if (place) holder.append(document.createElement("br"));
      const part = document.createElement(line.code ? "code" : "span");
      part.textContent = line.text;
      if (line.note) part.className = "note";
      if (line.state) part.className = line.state;
      holder.append(part);
    });
    made.append(holder);
    return made;
  };

  const shown = (row) => {
    const made = document.createElement("tr");
    made.append(
      cell("Time (UTC)", [{ text: row.at }]),
      cell("Client", [{ text: row.client }]),
      cell("Request", [{ text: row.what }, { text: row.of, code: true }, { text: row.patient && `Patient/${row.patient}`, note: true }]),
      cell("Status", [{ text: String(row.status) }]),
      cell("Decision", [
        { text: row.decision, state: row.refused ? "state refused" : "state delivered" },
        { text: row.why },
        { text: row.needs && `needs ${row.needs}`, code: true },
        { text: row.granted && `granted: ${row.granted}`, note: true },
      ]),
    );
    return made;
  };

  const ask = async () => {
    try {
      const query = new URLSearchParams({ after: String(last), client: filter.get("client") || "", refused: filter.get("refused") || "" });
      const answer = await fetch(`${location.pathname}/rows?${query}`, { credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      const { rows } = await answer.json();
      body.prepend(...rows.map(shown));
      while (body.rows.length > 100) body.deleteRow(-1);
      if (rows.length) last = rows[0].number;
      if (body.rows.length) empty.hidden = true;
      status.textContent = "Live: new requests appear on top.";
    } catch {
      status.textContent = "Not live: the EHR does not answer, or the session has ended. Load the page again.";
    }
    setTimeout(ask, 2000);
  };
  setTimeout(ask, 1000);
})();
