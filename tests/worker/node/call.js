// One call of parseReplay with celery-node: node call.js BROKER BACKEND QUEUE KWARGS TIMEOUT_MS [AMQP_URL]
// With AMQP_URL the queue that KWARGS names for progress is read there until the task's end.
// Prints {"taskId"} at once, and at the end {"taskId", "value" or "error", "progress"}.
const amqp = require("amqplib");
const celery = require("celery-node");

const [broker, backend, queue, kwargs, timeout, progressUrl] = process.argv.slice(2);
const request = JSON.parse(kwargs);
const client = celery.createClient(broker, backend, queue);
const progress = [];

async function listen() {
  const connection = await amqp.connect(progressUrl);
  const channel = await connection.createChannel();
  await channel.assertQueue(request.progressQueue, { durable: true });
  await channel.consume(
    request.progressQueue,
    (message) => progress.push(JSON.parse(message.content.toString())),
    { noAck: true },
  );
}

async function heardTheEnd() {
  const last = Date.now() + Number(timeout);
  while (progressUrl && !progress.some((each) => each.status !== "Pending") && Date.now() < last) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function main() {
  if (progressUrl) await listen();
  const result = client.createTask("parseReplay").applyAsync([], request);
  const say = (more) => console.log(JSON.stringify({ taskId: result.taskId, ...more }));
  say({});
  const answer = await result.get(Number(timeout)).then(
    (value) => ({ value }),
    (error) => ({ error: { ...error, message: error.message } }),
  );
  await heardTheEnd();
  say({ ...answer, progress });
  client.disconnect().finally(() => process.exit(0));
}

main();
