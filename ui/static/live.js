// Re-runs the fragment that holds this component when a notice about its topics arrives.
// All components of a tab share one stream; a hidden tab holds none (browsers allow six per host) and reads anew when shown.

const REGISTRY = "__frontdeskLive";
const PLACE = "__frontdeskPlace"; // how often something was opened in this session, as far as this tab has seen
const QUIET_MS = 120; // notices in a row become one re-run

function tabStream() {
  if (window[REGISTRY]) return window[REGISTRY];
  const tab = { source: null, workspace: null, listeners: new Map() };
  const tell = (notice) => tab.listeners.forEach((listener) => listener(notice));
  tab.open = (workspace) => {
    if (tab.source && tab.workspace === workspace && tab.source.readyState !== EventSource.CLOSED) return;
    if (tab.source) tab.source.close();
    tab.workspace = workspace;
    if (document.hidden) return;
    tab.source = new EventSource("/live?workspace=" + encodeURIComponent(workspace));
    tab.source.onmessage = (event) => tell(JSON.parse(event.data));
    // Between the page's own reading and this moment something may have changed; also after the stream was lost.
    tab.source.onopen = () => tell({ topic: "all" });
  };
  document.addEventListener("visibilitychange", () => {
    if (!tab.listeners.size || !tab.workspace) return;
    if (document.hidden) {
      if (tab.source) tab.source.close();
      tab.source = null;
    } else if (!tab.source) {
      tab.open(tab.workspace);
    }
  });
  window[REGISTRY] = tab;
  return tab;
}

// Streamlit leaves the page where it was scrolled to, also when something else was opened on it.
function begin(place) {
  const seen = window[PLACE] ?? place;
  window[PLACE] = Math.max(seen, place);
  const main = document.querySelector('[data-testid="stMain"]');
  if (main && place > seen) main.scrollTo(0, 0);
}

export default function ({ data: packed, parentElement, setTriggerValue }) {
  const data = unpacked(packed);
  const tab = tabStream();
  // Each render calls this function anew. What is about to be told lives on the element, so that no render swallows it.
  const part = parentElement.__live || (parentElement.__live = { due: null, last: 0 });
  part.mounted = true;
  begin(data.place);
  part.topics = new Set(data.topics);
  part.tell = reports(parentElement, data.heard, setTriggerValue);
  part.report = () => {
    part.due = null;
    part.last = Date.now();
    part.tell("notice", null, true);
  };
  tab.listeners.set(part, (notice) => {
    if (notice.topic !== "all" && !part.topics.has(notice.topic)) return;
    const wait = Math.max(data.patience_ms, QUIET_MS - (Date.now() - part.last));
    if (part.due === null) part.due = setTimeout(() => part.report(), wait);
  });
  tab.open(data.workspace);
  return () => {
    part.mounted = false;
    setTimeout(() => {
      if (part.mounted) return; // it was a render, not the end
      clearTimeout(part.due);
      tab.listeners.delete(part);
      if (!tab.listeners.size && tab.source) { tab.source.close(); tab.source = null; }
    }, 1000);
  };
}
