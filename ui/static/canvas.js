// The diagram of an automation, top to bottom. Tapping a card gives back the id of its step.

const MARKS = { done: ["Done", "good"], skipped: ["Skipped", "not"], failed: ["Failed", "bad"], waiting: ["Waiting", "info"], "not reached": ["Not reached", "not"] };

export default function ({ data: packed, parentElement, setTriggerValue }) {
  const data = unpacked(packed);
  const root = parentElement.querySelector("[data-root]");
  root.classList.toggle("dark", isDark(root));
  const tell = reports(root, data.heard, setTriggerValue);
  const diagram = element("div", "diagram" + (data.compact ? " compact" : ""));
  diagram.append(flow(data.blocks));
  root.replaceChildren(diagram);

  function flow(blocks) {
    const column = element("div", "flow");
    blocks.forEach((block) => column.append(block.paths ? fork(block) : slot(block)));
    return column;
  }

  function fork(block) {
    const box = element("div", "fork");
    const paths = element("div", "paths");
    block.paths.forEach((path) => {
      const lane = element("div", "path");
      const label = element("div", "condition " + (path.expected ? "yes" : "no"));
      label.append(symbol(path.expected ? "call_split" : "alt_route"), element("span", "", path.label));
      lane.append(label, flow(path.blocks));
      paths.append(lane);
    });
    box.append(paths);
    return box;
  }

  function slot(card) {
    const box = element("div", "slot");
    const state = card.state === "not reached" ? "unreached" : card.state;
    const button = element("button", ["card", state, card.disabled ? "disabled" : "", card.id === data.selected ? "selected" : "", (data.wrong || []).includes(card.id) ? "wrong" : ""].join(" "));
    button.type = "button";
    button.dataset.step = card.id;
    button.onclick = () => tell("step", card.id, true);
    const badge = element("span", "badge " + (card.group || "none"));
    badge.append(symbol(card.symbol));
    button.append(badge, element("span", "name", card.title));
    const mark = data.run ? MARKS[card.state] : card.disabled ? ["Off", "not"] : null;
    button.append(mark ? element("span", "mark " + mark[1], mark[0]) : element("span"));
    if (!data.compact) button.append(element("span", "sentence", card.sentence));
    if (!data.compact && card.settings.length) {
      const settings = element("span", "settings");
      card.settings.forEach((text) => settings.append(element("span", "setting", text)));
      button.append(settings);
    }
    box.append(button);
    return box;
  }
}
