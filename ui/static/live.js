// Re-runs the fragment that holds this component when a notice about its topics arrives.
// All components of a tab share one stream; a hidden tab holds none (browsers allow six per host) and reads anew when shown.

const REGISTRY = "__frontdeskLive";
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
    let lost = false;
    tab.source.onmessage = (event) => tell(JSON.parse(event.data));
    tab.source.onerror = () => { lost = true; };
    tab.source.onopen = () => { if (lost) { lost = false; tell({ topic: "all" }); } };
  };
  document.addEventListener("visibilitychange", () => {
    if (!tab.listeners.size || !tab.workspace) return;
    if (document.hidden) {
      if (tab.source) tab.source.close();
      tab.source = null;
    } else if (!tab.source) {
      tab.open(tab.workspace);
      tell({ topic: "all" });
    }
  });
  window[REGISTRY] = tab;
  return tab;
}

export default function ({ data: packed, parentElement, setTriggerValue }) {
  const data = unpacked(packed);
  const tab = tabStream();
  const topics = new Set(data.topics);
  let due = null;
  let last = 0;
  const fire = () => {
    due = null;
    last = Date.now();
    setTriggerValue("notice", { at: last });
  };
  tab.listeners.set(parentElement, (notice) => {
    if (notice.topic !== "all" && !topics.has(notice.topic)) return;
    if (due === null) due = setTimeout(fire, Math.max(0, QUIET_MS - (Date.now() - last)));
  });
  tab.open(data.workspace);
  return () => {
    clearTimeout(due);
    tab.listeners.delete(parentElement);
    if (!tab.listeners.size && tab.source) {
      // The next render of the same page opens its listener right away; only a page without live parts lets the stream go.
      setTimeout(() => {
        if (!tab.listeners.size && tab.source) { tab.source.close(); tab.source = null; }
      }, 2000);
    }
  };
}
