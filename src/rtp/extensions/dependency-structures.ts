/**
 * Dependency structures of the usual scalability modes (W3C webrtc-svc §7): `L1T3`, `L3T3`, `L2T2_KEY`, `S3T1` …
 *
 * They are not written down but found by playing two rounds of the pattern and noting each kind of frame that occurs; the
 * tests compare them with the tables of the specification (RTP Payload Format For AV1, §A.10.2).
 */
import {
  type DecodeTargetIndication,
  type DependencyStructure,
  type FrameDependencies,
  isInChain,
} from './dependency-descriptor.ts';

/** The temporal layers of one round of pictures, by how many layers there are. */
const TEMPORAL_PATTERNS: readonly (readonly number[])[] = [[0], [0, 1], [0, 2, 1, 2]];

/** In which pictures a layer uses the one below it. */
type InterLayer = 'always' | 'keyPictures' | 'never';

/**
 * The structure of a mode: spatial and temporal layers from 1 to 3, full (`L…`), with prediction between layers in key
 * pictures only (`_KEY`), or none at all (`S…`). Decode targets go from the highest quality to the lowest.
 *
 * @param resolutions of each spatial layer, the lowest first
 * @returns `null` for a mode not known here, such as those with `_KEY_SHIFT`
 */
export function dependencyStructure(
  scalabilityMode: string,
  resolutions?: DependencyStructure['resolutions'],
): DependencyStructure | null {
  const match = /^([LS])([1-3])T([1-3])h?(_KEY)?$/.exec(scalabilityMode);
  if (match === null || (match[1] === 'S' && match[4] !== undefined)) return null;
  const interLayer = match[1] === 'S' ? 'never' : match[4] === undefined ? 'always' : 'keyPictures';
  const spatialLayers = Number(match[2]);
  const temporalLayers = Number(match[3]);
  const protectedBy: number[] = [];
  for (let spatial = spatialLayers - 1; spatial >= 0; spatial--) {
    for (let temporal = 0; temporal < temporalLayers; temporal++) protectedBy.push(spatial);
  }
  const empty: DependencyStructure = {
    templateIdOffset: 0,
    decodeTargetCount: spatialLayers * temporalLayers,
    templates: [],
    chainCount: spatialLayers,
    protectedBy,
    ...(resolutions && { resolutions }),
  };
  const templates = playPattern(empty, interLayer, spatialLayers, temporalLayers);
  return { ...empty, templates };
}

/**
 * What a frame refers to in the usual patterns: the last frame of a lower temporal layer, or in layer 0 the last of its
 * own; and the layer below, sent just before. `lastOfLayer` has frames by `layerKey`, `number` counts without end.
 */
export function usualFrameDifferences(
  lastOfLayer: ReadonlyMap<number, number>,
  number: number,
  spatialLayer: number,
  temporalLayer: number,
  usesLayerBelow: boolean,
): number[] {
  let last = Number.NEGATIVE_INFINITY;
  for (let layer = 0; layer < Math.max(1, temporalLayer); layer++) {
    last = Math.max(last, lastOfLayer.get(layerKey(spatialLayer, layer)) ?? last);
  }
  const differences: number[] = [];
  if (last >= 0) differences.push(number - last);
  if (usesLayerBelow && !differences.includes(1)) differences.push(1);
  return differences;
}

export function layerKey(spatialLayer: number, temporalLayer: number): number {
  return spatialLayer * 64 + temporalLayer; // templates name at most 64 of each
}

function playPattern(
  structure: DependencyStructure,
  interLayer: InterLayer,
  spatialLayers: number,
  temporalLayers: number,
): FrameDependencies[] {
  const pattern = TEMPORAL_PATTERNS[temporalLayers - 1]!;
  const pictures = [...pattern, ...pattern, 0];
  const templates: FrameDependencies[] = [];
  const lastOfLayer = new Map<number, number>();
  const chains: (number | null)[] = new Array<number | null>(spatialLayers).fill(null);
  let number = 0;
  pictures.forEach((temporalLayer, picture) => {
    for (let spatialLayer = 0; spatialLayer < spatialLayers; spatialLayer++, number++) {
      const isKey = picture === 0;
      const usesLayerBelow = spatialLayer > 0 && (interLayer === 'always' || (interLayer === 'keyPictures' && isKey));
      const frame: FrameDependencies = {
        spatialLayer,
        temporalLayer,
        decodeTargetIndications: indications(
          interLayer,
          isKey,
          spatialLayer,
          temporalLayer,
          spatialLayers,
          temporalLayers,
        ),
        frameDifferences: usualFrameDifferences(lastOfLayer, number, spatialLayer, temporalLayer, usesLayerBelow),
        chainDifferences: chains.map((last) => (last === null ? 0 : number - last)),
      };
      lastOfLayer.set(layerKey(spatialLayer, temporalLayer), number);
      for (let chain = 0; chain < spatialLayers; chain++) {
        if (isInChain(structure, frame, chain)) chains[chain] = number;
      }
      if (!templates.some((template) => JSON.stringify(template) === JSON.stringify(frame))) templates.push(frame);
    }
  });
  return templates.sort((a, b) => a.spatialLayer - b.spatialLayer || a.temporalLayer - b.temporalLayer);
}

function indications(
  interLayer: InterLayer,
  isKey: boolean,
  spatialLayer: number,
  temporalLayer: number,
  spatialLayers: number,
  temporalLayers: number,
): DecodeTargetIndication[] {
  const list: DecodeTargetIndication[] = [];
  const isUsedAbove = interLayer === 'always' || (interLayer === 'keyPictures' && isKey);
  for (let targetSpatial = spatialLayers - 1; targetSpatial >= 0; targetSpatial--) {
    for (let targetTemporal = temporalLayers - 1; targetTemporal >= 0; targetTemporal--) {
      if (spatialLayer > targetSpatial || temporalLayer > targetTemporal) list.push('notPresent');
      else if (spatialLayer < targetSpatial) list.push(!isUsedAbove ? 'notPresent' : isKey ? 'switch' : 'required');
      else list.push(temporalLayer > 0 && temporalLayer === targetTemporal ? 'discardable' : 'switch');
    }
  }
  return list;
}
