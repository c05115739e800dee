// What every component of these pages uses. It is put in front of each component's own text.

function unpacked(data) {
  return JSON.parse(new TextDecoder().decode(data));
}

// What a person did is told to the page until the page confirms it, one thing after the other: a report can get lost beside
// another one of the same moment, or while the connection is away. `root` keeps what waits; each render calls this anew.
// Returns tell(name, what); with `instead`, it takes the place of whatever still waits, as a newer choice does.
const REPEAT_MS = 1500;
function reports(root, heard, setTriggerValue) {
  const own = root.__reports || (root.__reports = { waiting: [], timer: null, last: 0 });
  own.set = setTriggerValue;
  own.say = () => {
    clearTimeout(own.timer);
    const [first] = own.waiting;
    if (!first || !root.isConnected) return;
    own.timer = setTimeout(own.say, REPEAT_MS * 2 ** Math.min(first.times++, 3));
    own.set(first.name, { id: first.id, what: first.what });
  };
  own.last = Math.max(own.last, heard);
  if (own.waiting.length && own.waiting[0].id <= heard) {
    own.waiting = own.waiting.filter((each) => each.id > heard);
    own.say();
  }
  return (name, what, instead = false) => {
    own.last = Math.max(Date.now(), own.last + 1);
    own.waiting = [...(instead ? [] : own.waiting), { id: own.last, name, what, times: 0 }];
    if (own.waiting.length === 1) own.say();
  };
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined && text !== null) made.textContent = text; // as text, never as HTML
  return made;
}

function symbol(name) {
  const made = element("span", "symbol", name);
  made.setAttribute("aria-hidden", "true");
  return made;
}

function tellAgo(time) {
  const then = new Date(time.dateTime);
  const seconds = Math.max(0, (Date.now() - then) / 1000);
  time.title = then.toLocaleString();
  const waits = time.dataset.style === "waiting";
  const lead = waits ? "waiting " : "";
  if (seconds < 60) time.textContent = waits ? "waiting < 1 min" : "now";
  else if (seconds < 3600) time.textContent = `${lead}${Math.floor(seconds / 60)} min`;
  else if (seconds < 86400) time.textContent = `${lead}${Math.floor(seconds / 3600)} h`;
  else if (waits) time.textContent = `${lead}${Math.floor(seconds / 86400)} d`;
  else if (seconds < 6 * 86400) time.textContent = then.toLocaleDateString(undefined, { weekday: "short" });
  else time.textContent = then.toLocaleDateString(undefined, { day: "numeric", month: "short" });
}

function isDark(node) {
  const parts = getComputedStyle(node).getPropertyValue("--st-background-color").trim().match(/[0-9a-f]{2}/gi);
  return !!parts && parts.slice(0, 3).reduce((sum, part) => sum + parseInt(part, 16), 0) < 240;
}

// Lets a node reach from where it stands to the bottom of the window, less what stands below it; returns how to stop.
function fillHeight(node, least, below = 0) {
  const main = document.querySelector('[data-testid="stMain"]');
  const fit = () => {
    const top = node.getBoundingClientRect().top + (main ? main.scrollTop : 0);
    node.style.height = Math.max(least, window.innerHeight - top - 20 - below) + "px";
  };
  fit();
  const late = requestAnimationFrame(fit); // once the elements above have their height
  const later = setTimeout(fit, 300);
  window.addEventListener("resize", fit);
  return () => { cancelAnimationFrame(late); clearTimeout(later); window.removeEventListener("resize", fit); };
}
