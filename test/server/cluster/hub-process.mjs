/** A worker process on a hub: says `pong` with what it gets as `ping`. */
import { pathToFileURL } from 'node:url';
import { ownEntry } from '../../interop/implementations.mjs';

const { portBus, processPort } = await import(pathToFileURL(ownEntry('server/index')).href);
const bus = portBus(processPort(process));
bus.subscribe('ping', (message) => bus.publish('pong', message));
bus.publish('ready', new Uint8Array(0));
