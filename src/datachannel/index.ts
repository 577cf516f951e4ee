export { Channel } from './channel.ts';
export { type ChannelEvent, DataChannels, type DataChannelsOptions, type DataChannelsSink } from './data-channels.ts';
export type {
  AssociationEvent,
  AssociationSendOptions,
  ChannelAssociation,
  ChannelParameters,
  ChannelState,
  ChannelStats,
  DtlsRole,
} from './types.ts';
