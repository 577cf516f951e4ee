export { Channel } from './channel.ts';
export { DataChannels } from './data-channels.ts';
export type { ChannelEvent, DataChannelsOptions, DataChannelsSink, DataChannelsStats } from './events.ts';
export type {
  AssociationEvent,
  AssociationSendOptions,
  ChannelAssociation,
  ChannelParameters,
  ChannelState,
  ChannelStats,
  DtlsRole,
} from './types.ts';
