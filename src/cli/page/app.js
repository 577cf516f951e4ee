/**
 * The browser's end of the demonstration: offers three data channels to the Node process that served this page, and
 * shows what goes over them. `../meter.ts` and `../page-peer.ts` are the other end.
 */

const BULK_MESSAGE_BYTES = 16_384;
const BULK_BUFFER_BYTES = 256 * 1024;
const PING_INTERVAL_MS = 250;
const REPORT_INTERVAL_MS = 250;
/** 30 seconds of history at one value a report. */
const HISTORY_LENGTH = 120;
/** On opening, each direction is measured once for so long. */
const FIRST_MEASURE_MS = 3000;

const $ = (id) => document.getElementById(id);
const parts = {
  status: $('status'),
  reconnect: $('reconnect'),
  log: $('log'),
  form: $('say'),
  text: $('text'),
  submit: $('say').querySelector('button'),
  totals: $('totals'),
  path: $('path'),
  timeline: $('timeline').tBodies[0],
  download: { value: $('download'), graph: $('download-graph'), toggle: $('download-toggle') },
  upload: { value: $('upload'), graph: $('upload-graph'), toggle: $('upload-toggle') },
  roundTrip: { value: $('round-trip'), graph: $('round-trip-graph') },
};

/** A figure with its history, drawn as an area. */
class Graph {
  #values = [];
  #canvas;
  #output;
  #digits;

  constructor({ graph, value }, digits) {
    this.#canvas = graph;
    this.#output = value;
    this.#digits = digits;
  }

  add(value) {
    this.#values.push(value);
    if (this.#values.length > HISTORY_LENGTH) this.#values.shift();
    this.#output.value = value.toFixed(value >= 100 ? 0 : this.#digits);
    this.draw();
  }

  draw() {
    const canvas = this.#canvas;
    const scale = devicePixelRatio;
    const { clientWidth: width, clientHeight: height } = canvas;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const context = canvas.getContext('2d');
    context.scale(scale, scale);
    const values = this.#values;
    if (values.length === 0) return;
    const highest = Math.max(...values, Number.MIN_VALUE);
    const x = (index) => width - (values.length - 1 - index) * (width / (HISTORY_LENGTH - 1));
    const y = (value) => height - 2 - (value / highest) * (height - 6);
    const color = getComputedStyle(canvas).color;
    context.beginPath();
    context.moveTo(x(0), height);
    for (const [index, value] of values.entries()) context.lineTo(x(index), y(value));
    context.lineTo(width, height);
    context.globalAlpha = 0.18;
    context.fillStyle = color;
    context.fill();
    context.beginPath();
    for (const [index, value] of values.entries()) context.lineTo(x(index), y(value));
    context.globalAlpha = 1;
    context.strokeStyle = color;
    context.lineWidth = 2;
    context.stroke();
  }
}

const graphs = {
  download: new Graph(parts.download, 1),
  upload: new Graph(parts.upload, 1),
  roundTrip: new Graph(parts.roundTrip, 2),
};
const redraw = () => {
  for (const graph of Object.values(graphs)) graph.draw();
};
addEventListener('resize', redraw);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);

/** One connection to the Node process, from the signaling on. */
class Call {
  #id;
  #connection = new RTCPeerConnection();
  #chat = this.#connection.createDataChannel('chat');
  #meter = this.#connection.createDataChannel('meter');
  #bulk = this.#connection.createDataChannel('bulk');
  #message = new Uint8Array(BULK_MESSAGE_BYTES);
  #sending = false;
  #totals = { sent: 0, received: 0 };
  #receivedSinceReport = 0;
  #reportedAt = performance.now();
  #timers = [];
  #posting = Promise.resolve();
  #candidatesBeforeAnswer = [];
  #answered = false;

  constructor(id) {
    this.#id = id;
    const pc = this.#connection;
    pc.onicecandidate = ({ candidate }) => this.#post({ candidate: candidate?.toJSON() ?? null });
    pc.onconnectionstatechange = () => {
      const state = pc.connectionState;
      if (state === 'connected') return;
      if (state === 'disconnected') return show('disconnected', 'no answer for a while');
      show(state === 'failed' ? 'failed' : 'connecting', state);
      if (state === 'failed') this.close();
    };
    for (const channel of [this.#chat, this.#meter, this.#bulk]) {
      channel.binaryType = 'arraybuffer';
      channel.onopen = () => this.#opened();
      channel.onclose = () => this.#ended();
    }
    this.#chat.onmessage = ({ data }) => this.#heard(JSON.parse(data));
    this.#meter.onmessage = ({ data }) => this.#measured(JSON.parse(data));
    this.#bulk.onmessage = ({ data }) => {
      this.#receivedSinceReport += data.byteLength;
      this.#totals.received += data.byteLength;
    };
    this.#bulk.bufferedAmountLowThreshold = BULK_BUFFER_BYTES / 2;
    this.#bulk.onbufferedamountlow = () => this.#fill();
    this.#offer();
  }

  async #offer() {
    await this.#connection.setLocalDescription();
    await this.#post({ description: this.#connection.localDescription });
  }

  async signal({ description, candidate }) {
    if (description) {
      await this.#connection.setRemoteDescription(description);
      this.#answered = true;
      for (const early of this.#candidatesBeforeAnswer) await this.#connection.addIceCandidate(early);
    } else if (candidate) {
      if (this.#answered) await this.#connection.addIceCandidate(candidate);
      else this.#candidatesBeforeAnswer.push(candidate);
    }
  }

  say(text) {
    this.#chat.send(text);
  }

  /** Asks Node to send, or not to. */
  receive(on) {
    this.#tell({ kind: 'flow', on });
    parts.download.toggle.ariaPressed = String(on);
  }

  send(on) {
    this.#sending = on;
    parts.upload.toggle.ariaPressed = String(on);
    if (on) this.#fill();
  }

  close() {
    this.#ended();
    this.#connection.close();
  }

  /** One after the other: a candidate must not overtake its description. */
  #post(message) {
    const headers = { 'content-type': 'application/json' };
    this.#posting = this.#posting.then(async () => {
      const answer = await fetch(`/signal/${this.#id}`, { method: 'POST', headers, body: JSON.stringify(message) });
      if (!answer.ok) show('failed', `the server said ${answer.status}`);
    });
    return this.#posting;
  }

  #tell(message) {
    if (this.#meter.readyState === 'open') this.#meter.send(JSON.stringify(message));
  }

  #fill() {
    const bulk = this.#bulk;
    while (this.#sending && bulk.readyState === 'open' && bulk.bufferedAmount < BULK_BUFFER_BYTES) {
      bulk.send(this.#message);
      this.#totals.sent += BULK_MESSAGE_BYTES;
    }
  }

  #opened() {
    if ([this.#chat, this.#meter, this.#bulk].some(({ readyState }) => readyState !== 'open')) return;
    show('open', 'connected');
    setEnabled(true);
    parts.text.focus();
    this.#timers.push(
      setInterval(() => this.#tell({ kind: 'ping', at: performance.now() }), PING_INTERVAL_MS),
      setInterval(() => this.#report(), REPORT_INTERVAL_MS),
    );
    this.receive(true);
    this.#later(FIRST_MEASURE_MS, () => {
      this.receive(false);
      this.send(true);
    });
    this.#later(2 * FIRST_MEASURE_MS, () => this.send(false));
    this.#showPath();
  }

  #later(ms, action) {
    this.#timers.push(setTimeout(action, ms));
  }

  /** Counts what came since the last time, shows it, and tells Node. */
  #report() {
    const now = performance.now();
    const bytes = this.#receivedSinceReport;
    const ms = now - this.#reportedAt;
    this.#receivedSinceReport = 0;
    this.#reportedAt = now;
    const receiving = parts.download.toggle.ariaPressed === 'true';
    if (receiving) graphs.download.add(bytes / ms / 1000); // after its end, the last figure stays
    if (receiving || bytes > 0) this.#tell({ kind: 'received', bytes, ms });
    const { sent, received } = this.#totals;
    const megabytes = (count) => (count / 1e6).toFixed(count < 1e7 ? 1 : 0);
    parts.totals.value = `${megabytes(received)} MB received, ${megabytes(sent)} MB sent`;
  }

  #measured(message) {
    switch (message.kind) {
      case 'ping':
        return this.#tell({ kind: 'pong', at: message.at });
      case 'pong':
        return graphs.roundTrip.add(performance.now() - message.at);
      case 'flow':
        return this.send(message.on);
      case 'received':
        if (this.#sending) graphs.upload.add(message.bytes / message.ms / 1000);
    }
  }

  #heard(message) {
    if (message.kind === 'timeline') drawTimeline(message.phases);
    else addToLog(message.from, message.text);
  }

  async #showPath() {
    const stats = await this.#connection.getStats();
    for (const entry of stats.values()) {
      if (entry.type !== 'candidate-pair' || !entry.nominated || entry.state !== 'succeeded') continue;
      const [local, remote] = [stats.get(entry.localCandidateId), stats.get(entry.remoteCandidateId)];
      const name = (candidate) => `${candidate?.candidateType ?? '?'} ${candidate?.address ?? '(hidden)'}`;
      parts.path.textContent = `Path: ${name(local)} here, ${name(remote)} there, over ${local?.protocol ?? 'udp'}.`;
    }
  }

  #ended() {
    for (const timer of this.#timers) clearInterval(timer); // ends timeouts too
    this.#timers = [];
    this.#sending = false;
    for (const { toggle } of [parts.download, parts.upload]) toggle.ariaPressed = 'false';
    setEnabled(false);
    if (parts.status.dataset.state === 'open') show('closed', 'closed by the other side');
  }
}

function show(state, text) {
  parts.status.dataset.state = state;
  parts.status.textContent = text;
  parts.reconnect.hidden = !['failed', 'closed'].includes(state);
}

function setEnabled(on) {
  for (const control of [parts.text, parts.submit, parts.download.toggle, parts.upload.toggle]) control.disabled = !on;
}

function addToLog(from, text, own = false) {
  const item = document.createElement('li');
  const name = document.createElement('b');
  name.textContent = `${from}: `;
  item.classList.toggle('own', own);
  item.append(name, text);
  parts.log.append(item);
  parts.log.scrollTop = parts.log.scrollHeight;
}

function drawTimeline(phases) {
  const end = Math.max(...phases.map(({ endMs }) => endMs ?? 0), 1);
  parts.timeline.replaceChildren(
    ...phases.map(({ name, startMs, endMs }) => {
      const row = document.createElement('tr');
      const heading = document.createElement('th');
      heading.scope = 'row';
      heading.textContent = name;
      const bar = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
      bar.ariaHidden = 'true';
      const rectangle = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
      const from = startMs ?? end;
      const length = Math.max((endMs ?? end) - from, end / 100);
      rectangle.setAttribute('x', `${(Math.min(from, end - length) / end) * 100}%`);
      rectangle.setAttribute('width', `${(length / end) * 100}%`);
      rectangle.setAttribute('height', '100%');
      bar.append(rectangle);
      const cells = [bar, milliseconds(startMs), milliseconds(endMs)].map((content) => {
        const cell = document.createElement('td');
        cell.append(content);
        return cell;
      });
      row.append(heading, ...cells);
      return row;
    }),
  );
}

function milliseconds(value) {
  return value === null ? '–' : `${value.toFixed(1)} ms`;
}

let call = null;
/** EventSource connects again by itself when the server comes back; each time is a new session, and a new call. */
let events = null;

function connect() {
  events?.close();
  show('connecting', 'connecting');
  events = new EventSource('/signal');
  events.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.id === undefined) return void call?.signal(message);
    call?.close();
    call = new Call(message.id);
  };
  events.onerror = () => show('failed', 'the server does not answer');
}

parts.reconnect.addEventListener('click', connect);
parts.form.addEventListener('submit', (event) => {
  event.preventDefault();
  const text = parts.text.value.trim();
  if (text === '' || call === null) return;
  call.say(text);
  addToLog('you', text, true);
  parts.text.value = '';
});
parts.download.toggle.addEventListener('click', () => call?.receive(parts.download.toggle.ariaPressed !== 'true'));
parts.upload.toggle.addEventListener('click', () => call?.send(parts.upload.toggle.ariaPressed !== 'true'));
addEventListener('pagehide', () => call?.close());
connect();
