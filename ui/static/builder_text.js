// A text that may hold results of earlier steps. They stand in it as chips and are inserted from a menu at the place of the
// cursor; the document's own {{step.output}} never shows. The value goes out after a pause in typing and when the field is left.

const PAUSE_MS = 700;

export default function ({ data: packed, parentElement, setStateValue }) {
  const data = unpacked(packed);
  const root = parentElement.querySelector("[data-root]");
  root.classList.toggle("dark", isDark(root));
  const own = root.__own || (root.__own = { field: null, sent: null, timer: null, place: null });
  const labels = new Map(data.offers.flatMap((group) => group.items.map((item) => [item.ref, group.title + ": " + item.label])));
  const isHere = own.field && root.contains(own.field) && root.getRootNode().activeElement === own.field;
  // While somebody writes here, the page's older answer must not take the words away.
  if (own.field && root.contains(own.field) && (isHere || own.timer) && own.key === data.key) { own.data = data; return; }
  own.data = data;
  own.key = data.key;
  build();

  function build() {
    const box = element("div", "box" + (data.disabled ? " disabled" : ""));
    const head = element("div", "label");
    head.append(element("span", "", data.label));
    const field = element("div", "field" + (data.long ? " long" : ""));
    field.contentEditable = data.disabled ? "false" : "true";
    field.setAttribute("role", "textbox");
    field.setAttribute("aria-label", data.label);
    field.setAttribute("aria-multiline", String(data.long));
    field.dataset.placeholder = data.placeholder || "";
    fill(field, data.value);
    field.oninput = () => { later(); note(); };
    field.onblur = () => { keepPlace(field); send(); };
    field.onkeyup = field.onmouseup = () => keepPlace(field);
    field.onkeydown = (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (data.long) { document.execCommand("insertText", false, "\n"); } else { send(); }
    };
    field.onpaste = (event) => { event.preventDefault(); document.execCommand("insertText", false, tidy(event.clipboardData.getData("text/plain"))); };
    field.ondrop = (event) => event.preventDefault();
    box.append(head, field);
    if (data.offers.length && !data.disabled) box.append(inserter(field));
    if (data.help) box.append(element("div", "help", data.help));
    if (data.problem) { const wrong = element("div", "problem"); wrong.append(symbol("error"), element("span", "", data.problem)); box.append(wrong); }
    root.replaceChildren(box);
    own.field = field;
    own.sent = data.value;
    note();
  }

  function tidy(text) { return data.long ? text.replace(/\r\n?/g, "\n") : text.replace(/\s+/g, " "); }
  function note() { own.field && own.field.classList.toggle("blank", !textOf(own.field).trim()); }

  function fill(field, text) {
    field.replaceChildren();
    text.split(/(\{\{[^{}]*\}\})/).forEach((part) => {
      const found = part.match(/^\{\{\s*([^{}]*?)\s*\}\}$/);
      if (found) field.append(chip(found[1])); else if (part) field.append(document.createTextNode(part));
    });
    if (text.endsWith("\n")) field.append(document.createTextNode("\n"));
  }

  function chip(ref) {
    const known = labels.get(ref);
    const made = element("span", "ref" + (known ? "" : " lost"), known || "A result that is gone");
    made.contentEditable = "false";
    made.dataset.ref = ref;
    return made;
  }

  function textOf(node) {
    let text = "";
    node.childNodes.forEach((child) => {
      if (child.nodeType === 3) text += child.data;
      else if (child.dataset && child.dataset.ref) text += `{{${child.dataset.ref}}}`;
      else if (child.tagName === "BR") text += "\n";
      else text += (child.tagName === "DIV" && text ? "\n" : "") + textOf(child);
    });
    return text.replace(/\u00a0/g, " ");
  }

  function later() { clearTimeout(own.timer); own.timer = setTimeout(send, PAUSE_MS); }

  function send() {
    clearTimeout(own.timer);
    own.timer = null;
    const text = textOf(own.field).replace(/\n+$/, "");
    if (text === own.sent) return;
    own.sent = text;
    setStateValue("text", { text, at: Date.now() });
  }

  // Where the cursor stands, as the number of letters and chips before it: a redrawn field has other nodes.
  function keepPlace(field) {
    const tree = field.getRootNode();
    const selection = tree.getSelection ? tree.getSelection() : document.getSelection();
    if (!selection || !selection.rangeCount) return;
    const cursor = selection.getRangeAt(0);
    if (!field.contains(cursor.startContainer)) return;
    const before = document.createRange();
    before.selectNodeContents(field);
    before.setEnd(cursor.startContainer, cursor.startOffset);
    own.place = [...before.cloneContents().childNodes].reduce((sum, node) => sum + sizeOf(node), 0);
  }

  function sizeOf(node) { return node.nodeType === 3 ? node.data.length : 1; }

  function cursorAt(field, place) {
    const range = document.createRange();
    range.selectNodeContents(field);
    range.collapse(false);
    if (place === null) return range;
    for (const node of field.childNodes) {
      if (node.nodeType === 3 && place <= node.data.length) { range.setStart(node, place); break; }
      if (place === 0) { range.setStartBefore(node); break; }
      place -= sizeOf(node);
    }
    range.collapse(true);
    return range;
  }

  function inserter(field) {
    const holder = element("div", "inserter");
    const button = element("button", "insert");
    button.type = "button";
    button.setAttribute("aria-label", `Insert a result into ${data.label}`);
    button.append(symbol("data_object"), element("span", "", "Insert"));
    const menu = element("div", "menu");
    menu.hidden = true;
    // The field keeps its cursor: pressing a button must not take the focus from it.
    holder.onmousedown = (event) => event.preventDefault();
    const elsewhere = (event) => {
      if (holder.isConnected && event.composedPath().includes(holder)) return;
      menu.hidden = true;
      document.removeEventListener("pointerdown", elsewhere, true);
    };
    button.onclick = () => {
      menu.hidden = !menu.hidden;
      if (!menu.hidden) document.addEventListener("pointerdown", elsewhere, true);
    };
    holder.onkeydown = (event) => { if (event.key === "Escape") { menu.hidden = true; button.focus(); } };
    data.offers.forEach((group) => {
      menu.append(element("div", "group", group.title));
      group.items.forEach((item) => {
        const entry = element("button", "entry");
        entry.type = "button";
        entry.append(element("b", "", item.label), element("span", "", item.text));
        entry.onclick = () => { menu.hidden = true; insert(field, item.ref); };
        menu.append(entry);
      });
    });
    holder.append(button, menu);
    return holder;
  }

  function insert(field, ref) {
    const made = chip(ref);
    cursorAt(field, own.place).insertNode(made);
    if (!made.nextSibling || made.nextSibling.nodeType !== 3 || !/^\s/.test(made.nextSibling.data)) made.after(document.createTextNode(" "));
    field.focus();
    document.getSelection().setPosition(made.nextSibling, 1);
    keepPlace(field);
    note();
    send();
  }
}
