import type { FastifyReply } from 'fastify';
import type { Answer } from '../answer.js';

/** Status, Location and the stored bytes of an answer; Nest's own way there costs as much as all of validation. */
export function sendAnswer(reply: FastifyReply, answer: Answer): FastifyReply {
  reply.status(answer.status);
  if (answer.location !== undefined) reply.header('location', answer.location);
  if (answer.replayed) reply.header('idempotency-replayed', 'true');
  if (answer.text === '') return reply.send();
  reply.header('content-type', 'application/json; charset=utf-8');
  return reply.send(answer.text);
}
