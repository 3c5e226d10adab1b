// One call of parseReplay with celery-node: node call.js BROKER BACKEND QUEUE KWARGS TIMEOUT_MS
const celery = require("celery-node");

const [broker, backend, queue, kwargs, timeout] = process.argv.slice(2);
const client = celery.createClient(broker, backend, queue);
const task = client.createTask("parseReplay");
const result = task.applyAsync([], JSON.parse(kwargs));

function say(answer) {
  console.log(JSON.stringify({ taskId: result.taskId, ...answer }));
  client.disconnect().finally(() => process.exit(0));
}

result
  .get(Number(timeout))
  .then((value) => say({ value }))
  .catch((error) => say({ error: { ...error, message: error.message } }));
