"use strict";

const drawn = JSON.parse(document.getElementById("drawn").textContent);
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const touch = window.matchMedia("(pointer: coarse)").matches;

const ROWS = 200; // of the list, added at a time
const BARS = 1000; // candles drawn at once; the rest is drawn when it is zoomed to
const MARKED = 3000; // trades drawn at once
const CROWD = 150; // trades in sight from which on markers are small
const CURVES = 12; // shown at first; the others wait in the legend
const HOUR_MS = 3600000;
const PALETTE = ["#2f7ed8", "#e08a1e", "#1fa187", "#b5539c", "#7a68d6", "#8a9a2b", "#d9534f", "#4aa8c9"];
const WORDS = new Set(["Opened", "User", "Strategy", "Side", "Closed by", "Reason"]);
const CONFIG = {
  responsive: true, displaylogo: false, displayModeBar: touch ? true : "hover", doubleClick: false,
  modeBarButtons: [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "toImage"]],
  showSendToCloud: false, plotlyServerURL: "", // nothing ever leaves this page
};

const bars = drawn.bars;
const period = [drawn.start_ms, drawn.end_ms];
let view = period; // what both charts show
let chosen = drawn.trades; // those of the chosen user

const $ = (id) => document.getElementById(id);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

// --- Charts ---------------------------------------------------------------------------------------

function axis(more) {
  return { gridcolor: colour("line"), linecolor: colour("line"), zeroline: false, automargin: true, ...more };
}

// Plotly writes into the range it is given.
const timeAxis = (more) => axis({ type: "date", range: [...view], rangeslider: { visible: false }, ...more });
const valueAxis = (title, more) => axis({ title: { text: escaped(title) }, fixedrange: true, ...more });

function layout(more) {
  return {
    paper_bgcolor: "transparent",
    plot_bgcolor: "transparent",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("ink") },
    hoverlabel: { bgcolor: colour("card"), bordercolor: colour("quiet"), font: { color: colour("ink") }, align: "left" },
    legend: { orientation: "h", x: 0, y: 0, yref: "container", yanchor: "bottom", bgcolor: "transparent", uirevision: "kept" },
    modebar: { bgcolor: "transparent", color: colour("quiet"), activecolor: colour("accent") },
    margin: { l: 10, r: 10, t: 32, b: 60 },
    dragmode: touch ? false : "zoom",
    ...more,
  };
}

// Zooming is along time alone; the values follow what is in sight.
class Sight {
  constructor() { this.low = Infinity; this.high = -Infinity; }
  see(at, low, high) {
    if (at < view[0] || at > view[1]) return;
    this.low = Math.min(this.low, low);
    this.high = Math.max(this.high, high);
  }
  range() {
    if (this.low > this.high) return undefined;
    const room = (this.high - this.low || Math.abs(this.high) * 0.01 || 1) * 0.06;
    return [this.low - room, this.high + room];
  }
}

function drawEquity() {
  const before = $("equity").data, unit = escaped(drawn.quote), inPercent = $("measure").value === "percent";
  const worth = new Sight(), below = new Sight();
  below.see(view[0], 0, 0);
  const traces = drawn.curves.flatMap((curve, index) => {
    const ink = PALETTE[index % PALETTE.length];
    const visible = before ? before[2 * index].visible : index < CURVES ? true : "legendonly";
    const change = curve.equity.map((equity) => (equity / curve.start - 1) * 100);
    const values = inPercent ? change : curve.equity;
    if (visible === true) {
      curve.t.forEach((at, each) => {
        worth.see(at, values[each], values[each]);
        below.see(at, curve.drawdown[each], 0);
      });
    }
    const common = {
      type: "scatter", mode: "lines", x: curve.t, name: escaped(curve.user), legendgroup: "user" + index, visible: visible,
    };
    return [
      {
        ...common, y: values, line: { color: ink, width: 1.8 }, customdata: inPercent ? curve.equity : change,
        hovertemplate: inPercent ? "%{y:+.2f} % (%{customdata:,.2f} " + unit + ")" : "%{y:,.2f} " + unit + " (%{customdata:+.2f} %)",
      },
      {
        ...common, y: curve.drawdown, yaxis: "y2", showlegend: false, line: { color: ink, width: 1 },
        fill: drawn.curves.length === 1 ? "tozeroy" : "none", fillcolor: ink + "33", hovertemplate: "%{y:.2f} %",
      },
    ];
  });
  const scale = inPercent ? { ticksuffix: " %" } : { tickformat: "," };
  return Plotly.react("equity", traces, layout({
    hovermode: "x unified",
    xaxis: timeAxis({ anchor: "y2" }),
    yaxis: valueAxis(inPercent ? "change" : drawn.quote, { domain: [0.34, 1], range: worth.range(), ...scale }),
    yaxis2: valueAxis("drawdown", { domain: [0, 0.27], ticksuffix: " %", range: below.range() }),
  }), CONFIG);
}

// The candles in sight and half as many on either side, joined until they are few enough.
function candlesInSight() {
  const room = (view[1] - view[0]) / 2, from = view[0] - room, to = view[1] + room;
  const [name, step] = bars.steps.find(([, ms]) => (view[1] - view[0]) / ms <= BARS) || bars.steps[bars.steps.length - 1];
  const x = [], open = [], high = [], low = [], close = [];
  for (let each = 0; each < bars.i.length; each++) {
    const at = bars.start_ms + bars.i[each] * bars.step_ms, start = at - (at % step), last = x.length - 1;
    if (start < from || start > to) continue;
    if (x[last] === start) {
      high[last] = Math.max(high[last], bars.h[each]);
      low[last] = Math.min(low[last], bars.l[each]);
      close[last] = bars.c[each];
    } else {
      x.push(start); open.push(bars.o[each]); high.push(bars.h[each]); low.push(bars.l[each]); close.push(bars.c[each]);
    }
  }
  const look = (fill) => ({ line: { color: colour("bar"), width: 1 }, fillcolor: fill });
  return {
    type: "candlestick", name: name + " candles", x: x, open: open, high: high, low: low, close: close,
    xperiod: step, xperiodalignment: "middle", increasing: look(colour("card")), decreasing: look(colour("bar")),
  };
}

function markers(trades, result, name, ink, crowded) {
  const x = [], y = [], symbol = [], size = [], met = [], places = new Map();
  const [entrySize, exitSize] = !crowded ? [13, 8] : $("price").clientWidth > 700 ? [8, 5] : [6, 4];
  const add = (at, price, shape, large, trade) => {
    const place = at + "|" + price + "|" + shape;
    if (!places.has(place)) places.set(place, []);
    places.get(place).push(trade);
    x.push(at); y.push(price); symbol.push(shape); size.push(large); met.push(places.get(place));
  };
  for (const trade of trades) {
    if (trade.result !== result) continue;
    add(...trade.entry, trade.side === "LONG" ? "triangle-up" : "triangle-down", entrySize, trade);
    if (trade.exit) add(...trade.exit, "circle", exitSize, trade);
    x.push(null); y.push(null); symbol.push("circle"); size.push(0); met.push([]);
  }
  return {
    type: "scatter", mode: "lines+markers", name: name, x: x, y: y, connectgaps: false,
    line: { color: ink, width: 1, dash: "dot" },
    marker: { symbol: symbol, size: size, color: ink, line: { color: colour("card"), width: crowded ? 0 : 1 } },
    hovertext: met.map(together), hoverinfo: "text+x",
  };
}

// Users who traded at the same place share one text, and mostly one reason.
function together(trades) {
  const lines = trades.slice(0, 6).map((trade) => trade.hover);
  if (trades.length > 6) lines.push("… and " + (trades.length - 6) + " more");
  return [...lines, ...new Set(trades.map((trade) => trade.why))].join("<br>");
}

function drawPrices() {
  const sight = new Sight(), half = bars.step_ms / 2;
  bars.i.forEach((index, each) => sight.see(bars.start_ms + index * bars.step_ms + half, bars.l[each], bars.h[each]));
  const near = chosen.filter((trade) => trade.entry[0] <= view[1] && (trade.exit || view)[0] >= view[0]).slice(-MARKED);
  for (const trade of near) {
    for (const [at, price] of [trade.entry, trade.exit || trade.entry]) sight.see(at, price, price);
  }
  const crowded = near.length > CROWD;
  return Plotly.react("price", [
    candlesInSight(),
    markers(near, "won", "won", colour("gain"), crowded),
    markers(near, "lost", "lost", colour("loss"), crowded),
    markers(near, "open", "still open", colour("open"), crowded),
  ], layout({
    hovermode: "closest",
    xaxis: timeAxis(),
    yaxis: valueAxis(drawn.quote, { tickformat: ",", range: sight.range() }),
  }), CONFIG);
}

function draw() {
  if (drawn.curves.length) drawEquity();
  drawPrices();
}

function look(from, to) {
  view = [from, to];
  for (const button of document.querySelectorAll(".all")) button.hidden = from === period[0] && to === period[1];
  draw();
}

// Both charts show the same time: moving one moves the other.
function followZoom(id) {
  const instant = (at) => (typeof at === "number" ? at : Date.parse(at.replace(" ", "T") + "Z"));
  $(id).on("plotly_relayout", (change) => {
    if (Object.keys(change).some((key) => key.startsWith("xaxis.range"))) look(...$(id).layout.xaxis.range.map(instant));
  });
  $(id).on("plotly_doubleclick", () => look(...period));
}

function showTrade(trade) {
  const until = trade.exit ? trade.exit[0] : period[1];
  const room = Math.max(until - trade.entry[0], HOUR_MS);
  look(trade.entry[0] - room, until + room);
  $("price-section").scrollIntoView({ behavior: "smooth", block: "start" });
}

// --- List of trades -------------------------------------------------------------------------------

let listed = [];
let order = { column: 0, descending: false };
let shown = ROWS;

function compare(left, right) {
  const a = left.keys[order.column], b = right.keys[order.column];
  if (a === null || b === null) return (a === null) - (b === null); // nothing comes last, either way
  const way = typeof a === "number" ? a - b : a < b ? -1 : a > b ? 1 : 0;
  return order.descending ? -way : way;
}

function row(trade) {
  const line = make("tr");
  trade.cells.forEach((text, index) => {
    const name = drawn.columns[index];
    const result = name === "Net PnL" ? { won: "gain", lost: "loss" }[trade.result] : undefined;
    line.append(make("td", text, WORDS.has(name) ? "word" : result));
  });
  line.addEventListener("click", () => showTrade(trade));
  return line;
}

function listTrades() {
  listed = [...chosen].sort(compare);
  $("trades").tBodies[0].replaceChildren(...listed.slice(0, shown).map(row));
  $("count").textContent = "(" + chosen.length.toLocaleString("en") + ")";
  $("more").hidden = shown >= listed.length;
  [...$("trades").tHead.rows[0].cells].forEach((cell, index) => {
    if (index === order.column) cell.setAttribute("aria-sort", order.descending ? "descending" : "ascending");
    else cell.removeAttribute("aria-sort");
  });
}

function sortBy(column) {
  order = { column: column, descending: order.column === column && !order.descending };
  listTrades();
}

function showMore() {
  const next = listed.slice(shown, shown + ROWS);
  shown += ROWS;
  $("trades").tBodies[0].append(...next.map(row));
  $("more").hidden = shown >= listed.length;
}

function choose(user) {
  chosen = user === "" ? drawn.trades : drawn.trades.filter((trade) => trade.user === user);
  shown = ROWS;
  for (const select of document.querySelectorAll(".who select")) select.value = user;
  listTrades();
  drawPrices();
}

// --- Start ----------------------------------------------------------------------------------------

function prepareList() {
  drawn.columns.forEach((name, index) => {
    const cell = make("th", undefined, WORDS.has(name) ? "word" : undefined), button = make("button", name);
    button.type = "button";
    button.addEventListener("click", () => sortBy(index));
    cell.append(button);
    $("trades").tHead.rows[0].append(cell);
  });
  const users = [...new Set(drawn.trades.map((trade) => trade.user))].sort();
  for (const label of document.querySelectorAll(".who")) {
    const select = label.querySelector("select");
    for (const user of ["", ...users]) {
      const option = make("option", user || "everyone");
      option.value = user;
      select.append(option);
    }
    select.addEventListener("change", () => choose(select.value));
    label.hidden = users.length < 2;
  }
  $("more").addEventListener("click", showMore);
}

$("equity-section").hidden = !drawn.curves.length;
$("measure").value = new Set(drawn.curves.map((curve) => curve.start)).size > 1 ? "percent" : "money";
$("measure").addEventListener("change", drawEquity);
$("trades-section").hidden = !drawn.trades.length;
prepareList();
listTrades();
draw();
if (drawn.curves.length) followZoom("equity");
followZoom("price");
for (const button of document.querySelectorAll(".all")) button.addEventListener("click", () => look(...period));
dark.addEventListener("change", draw);
