// The chat button of another web site. One line: <script src="https://your-server/widget.js" async></script>
// Optional: data-connection="<id of a web chat>", data-accent="#rrggbb", data-side="left", data-label="Chat with us".

(() => {
  const script = document.currentScript;
  if (!script || window.frontdeskChat) return;
  window.frontdeskChat = true;

  const { connection = "", accent = "", side = "right", label = "Chat with us" } = script.dataset;
  const server = new URL(script.src).origin;
  const page = `${server}/chat${connection ? `/${encodeURIComponent(connection)}` : ""}?embed`;
  const settings = `${server}/api/chat/settings${connection ? `?connection=${encodeURIComponent(connection)}` : ""}`;

  const STYLE = `
    :host { all: initial; --accent: #0f766e; --on-accent: #fff; }
    button, .panel { position: fixed; z-index: 2147483000; ${side === "left" ? "left" : "right"}: 20px; }
    button { bottom: 20px; width: 60px; height: 60px; border: 0; border-radius: 50%; background: var(--accent);
      color: var(--on-accent); cursor: pointer; box-shadow: 0 6px 24px rgb(15 23 42 / 28%); transition: transform .15s; }
    button:hover { transform: scale(1.05); }
    button:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
    svg { width: 28px; height: 28px; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round;
      stroke-linejoin: round; vertical-align: middle; }
    .badge { position: absolute; top: -3px; right: -3px; min-width: 22px; height: 22px; padding: 0 6px; border-radius: 11px;
      box-sizing: border-box; background: #b42318; color: #fff; font: 600 12px/22px system-ui, sans-serif; }
    .panel { bottom: 96px; width: 390px; height: min(640px, calc(100vh - 120px)); border: 0; border-radius: 16px;
      background: Canvas; color-scheme: light dark; box-shadow: 0 12px 48px rgb(15 23 42 / 30%); }
    [hidden] { display: none !important; }
    @media (max-width: 480px) {
      .panel { inset: 0; width: 100%; height: 100%; border-radius: 0; }
      button[aria-expanded="true"] { display: none; }
    }
    @media (prefers-reduced-motion: reduce) { button { transition: none; } button:hover { transform: none; } }`;

  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "closed" });
  const button = document.createElement("button");
  const badge = document.createElement("span");
  let frame = null;
  let ready = false; // the page in the frame listens

  function build() {
    style();
    button.type = "button";
    button.setAttribute("aria-expanded", "false");
    badge.className = "badge";
    badge.hidden = true;
    button.append(icon("M21 12a8 8 0 0 1-8 8H4l2-3a8 8 0 1 1 15-5z"), badge);
    button.addEventListener("click", () => (isOpen() ? close() : open()));
    root.append(button);
    name();
    document.body.append(host);
  }

  // A constructed sheet is not an inline style, so a strict policy of the host page does not block it.
  function style() {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
  }

  function icon(path) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", path);
    svg.append(line);
    return svg;
  }

  const isOpen = () => Boolean(frame && !frame.hidden);

  function open() {
    if (!frame) {
      frame = document.createElement("iframe");
      frame.className = "panel";
      frame.title = label;
      frame.src = page;
      root.append(frame);
    }
    frame.hidden = false;
    button.setAttribute("aria-expanded", "true");
    unread(0);
    tell();
  }

  function close() {
    frame.hidden = true;
    button.setAttribute("aria-expanded", "false");
    button.focus();
  }

  function tell() {
    if (ready) frame.contentWindow?.postMessage({ frontdesk: "opened" }, server);
  }

  function unread(count) {
    badge.hidden = !count;
    badge.textContent = count > 99 ? "99+" : String(count);
    name(count);
  }

  function name(count = 0) {
    const news = count ? `, ${count} new message${count === 1 ? "" : "s"}` : "";
    button.setAttribute("aria-label", `${label}${news}`);
  }

  function paint(colour) {
    if (!/^#[0-9a-f]{6}$/i.test(colour)) return;
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    host.style.setProperty("--accent", colour);
    host.style.setProperty("--on-accent", 0.299 * red + 0.587 * green + 0.114 * blue > 160 ? "#10151a" : "#fff");
  }

  addEventListener("message", (event) => {
    if (!frame || event.source !== frame.contentWindow || event.origin !== server) return;
    if (event.data?.frontdesk === "ready") {
      ready = true;
      if (isOpen()) tell();
    }
    if (event.data?.frontdesk === "close") close();
    if (event.data?.frontdesk === "unread") isOpen() ? tell() : unread(Number(event.data.count) || 0);
  });

  build();
  if (accent) paint(accent);
  else fetch(settings).then((answer) => answer.json()).then((chosen) => paint(chosen.accent ?? "")).catch(() => {});
})();
