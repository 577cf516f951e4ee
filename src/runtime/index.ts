/** What PureRTC needs of the machine it runs on, for those who bring another one (`PeerConnectionSettings.runtime`). */
export { defaultRuntime } from './default.ts';
export type {
  MulticastOptions,
  MulticastSocket,
  NetworkInterface,
  Runtime,
  TimerHandle,
  UdpOptions,
  UdpSocket,
  UdpStats,
} from './runtime.ts';
export type {
  TcpConnectOptions,
  TcpHandlers,
  TcpListener,
  TcpListenerStats,
  TcpListenOptions,
  TcpSocket,
  TcpStats,
  TlsClientOptions,
  TlsServerOptions,
} from './tcp.ts';
