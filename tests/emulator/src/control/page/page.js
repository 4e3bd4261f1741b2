// Asks the control port once a second while the page is visible, and shows what it says. Texts are only ever put in as
// text: names and messages come from whoever talks to the local Azure.
'use strict';

const SHOWN_REQUESTS = 200;

// The data plane's words for the states of a node, the best first; what is not here counts as waiting.
const STATES = {
  running: ['well', 'running'],
  idle: ['well', 'idle'],
  starting: ['work', 'starting'],
  creating: ['work', 'creating'],
  waitingforstarttask: ['work', 'waiting for start task'],
  rebooting: ['work', 'rebooting'],
  reimaging: ['work', 'reimaging'],
  upgradingos: ['work', 'upgrading OS'],
  leavingpool: ['rest', 'leaving the pool'],
  deallocating: ['rest', 'deallocating'],
  deallocated: ['rest', 'deallocated'],
  preempted: ['wait', 'preempted'],
  offline: ['wait', 'offline'],
  unknown: ['bad', 'unknown'],
  starttaskfailed: ['bad', 'start task failed'],
  unusable: ['bad', 'unusable'],
};

const at = (id) => document.getElementById(id);

const times = (count) => (count === 1 ? 'once' : `${count} times`);

const element = (tag, kind, ...content) => {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  made.append(...content);
  return made;
};

const time = (text) => text.slice(11, 19);

const bar = (parts, whole) => {
  const made = element('div', 'bar');
  made.setAttribute('aria-hidden', 'true');
  for (const [kind, count] of parts) {
    const part = element('i', kind);
    part.style.width = `${(100 * count) / whole}%`;
    made.append(part);
  }
  return made;
};

const joined = (parts) => parts.flatMap((part, place) => (place ? [' · ', part] : [part]));

const imageName = (id) => {
  if (!id) return 'marketplace image';
  const parts = id.split('/');
  const version = parts.indexOf('versions');
  return version > 2 ? `${parts[version - 1]} ${parts[version + 1]}` : parts.at(-1);
};

const poolItem = (pool) => {
  const known = Object.keys(STATES);
  const rank = (state) => (known.includes(state) ? known.indexOf(state) : known.length);
  const states = Object.entries(pool.states).sort(([left], [right]) => rank(left) - rank(right));
  const look = (state) => STATES[state] ?? ['wait', state];
  const nodes = states.reduce((sum, [, count]) => sum + count, 0);
  const counts = states.map(([state, count]) => element('span', look(state)[0], `${count} ${look(state)[1]}`));
  const missing = pool.target - nodes;
  if (missing > 0) counts.push(element('span', 'soft', `${missing} not there`));
  const doing = pool.isDeleting ? 'being deleted' : `${pool.allocation}${pool.allocation === 'steady' ? '' : ` to ${pool.target}`}`;
  const item = element(
    'div', 'item pool',
    element('b', '', pool.pool), ' ', element('span', 'soft', `${pool.account} · ${imageName(pool.image)} · ${doing}`),
    bar(states.map(([state, count]) => [look(state)[0], count]), Math.max(nodes, pool.target, 1)),
    element('div', '', ...(counts.length ? joined(counts) : [element('span', 'soft', 'no nodes')])),
  );
  if (pool.errors.length) item.append(element('div', 'bad', `resize errors: ${pool.errors.join(', ')}`));
  return item;
};

const versionItem = (version) => {
  const regions = version.regions.map((region) => {
    const kind = { Completed: 'well', Failed: 'bad' }[region.state] ?? 'work';
    return element('span', kind, region.state === 'Failed' ? `${region.region} failed` : `${region.region} ${region.progress} %`);
  });
  const mean = version.regions.reduce((sum, region) => sum + region.progress, 0) / Math.max(version.regions.length, 1);
  const kind = { Succeeded: 'well', Failed: 'bad' }[version.state] ?? 'work';
  return element(
    'div', 'item',
    element('b', '', `${version.definition} ${version.version}`), ' ', element('span', 'soft', version.gallery), ' ',
    element('span', kind, version.state),
    bar([[kind, mean]], 100),
    element('div', '', ...joined(regions)),
  );
};

const operationItem = (operation) =>
  element(
    'div', 'item',
    operation.kind, ' ',
    element('span', 'soft', `since ${time(operation.started)}, ${operation.ends ? `until ${time(operation.ends)}` : 'never ends'}`),
    operation.resource ? element('div', 'soft', operation.resource.split('/').slice(-2).join(' ')) : '',
  );

const faultItem = (fault) =>
  element(
    'div', 'item',
    element('b', '', fault.name || fault.kind), ' ',
    element('span', 'soft', [fault.method, fault.path ?? fault.target].filter(Boolean).join(' ')), ' ',
    element('span', fault.hits ? 'wait' : 'soft', fault.hits ? `hit ${times(fault.hits)}` : 'not hit yet'),
  );

const fill = (id, items, none) => at(id).replaceChildren(...(items.length ? items : [element('div', 'soft', none)]));

const isWrite = (request) => !['GET', 'HEAD'].includes(request.method);
const isError = (request) => !request.status || request.status >= 400;
const wanted = () => document.querySelector('input[name=show]:checked').value;

const requestItem = (request) => {
  const kind = isError(request) ? 'bad' : isWrite(request) ? 'work' : 'soft';
  const line = element(
    'button', '',
    `${time(request.time)} `, element('span', kind, `${request.method} ${request.status ?? request.cut}`), ` ${request.path}`,
    request.fault ? element('span', 'wait', ` fault ${request.fault}`) : '',
  );
  line.type = 'button';
  const item = element('li', '', line);
  line.addEventListener('click', () => open(item, request.number));
  return item;
};

// Bodies come only when somebody looks.
const open = async (item, number) => {
  const shown = item.querySelector('pre');
  if (shown) return shown.remove();
  const [entry] = await entries(`after=${number - 1}&limit=1`);
  const text = [entry?.request, entry?.response].filter(Boolean).map((body) => JSON.stringify(body, null, 1));
  item.append(element('pre', '', text.join('\n\n') || 'no bodies'));
};

const entries = async (query) => {
  const answer = await fetch(`/journal?${query}`);
  return (await answer.text()).split('\n').filter(Boolean).map((line) => JSON.parse(line));
};

let last = 0;
let seen = [];
let before = '';

const showRequests = () => {
  const fits = { all: () => true, writes: isWrite, errors: isError }[wanted()];
  fill('requests', seen.filter(fits).map(requestItem), 'none yet');
};

const look = async () => {
  const answer = await fetch('/overview');
  const text = await answer.text();
  const view = JSON.parse(text);
  at('now').textContent = time(view.now);
  at('scale').textContent = view.timeScale > 1 ? `operations are ${view.timeScale} times as fast` : '';
  if (view.requests < last) [last, seen] = [0, []];
  if (view.requests > last) {
    const from = Math.max(last, view.requests - SHOWN_REQUESTS);
    const news = await entries(`after=${from}&bodies=none`);
    seen = [...news.reverse(), ...seen].slice(0, SHOWN_REQUESTS);
    last = seen[0]?.number ?? view.requests;
    showRequests();
  }
  const rest = JSON.stringify({ ...view, now: 0, requests: 0 });
  if (rest === before) return;
  before = rest;
  fill('pools', view.pools.map(poolItem), 'none');
  fill('versions', view.versions.map(versionItem), 'none');
  fill('operations', view.operations.map(operationItem), 'none');
  fill('faults', view.faults.map(faultItem), 'none');
};

const again = async () => {
  if (!document.hidden) {
    try {
      await look();
      at('trouble').hidden = true;
    } catch (error) {
      at('trouble').textContent = `the local Azure does not answer (${error.message})`;
      at('trouble').hidden = false;
    }
  }
  setTimeout(again, 1000);
};

at('advance').addEventListener('click', async () => {
  await fetch('/advance', { method: 'POST', body: JSON.stringify({ seconds: 3600 }) });
  await look();
});
for (const choice of document.querySelectorAll('input[name=show]')) choice.addEventListener('change', showRequests);
again();
