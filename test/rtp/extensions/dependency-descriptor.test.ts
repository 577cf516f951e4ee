import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex } from '../../../src/binary/bytes.ts';
import {
  allTargets,
  DECODE_TARGET_INDICATIONS,
  type DecodeTargetIndication,
  type DependencyDescriptor,
  type DependencyStructure,
  decodeTargetLayers,
  type FrameDependencies,
  findTemplate,
  readDependencyDescriptor,
  writeDependencyDescriptor,
} from '../../../src/rtp/extensions/dependency-descriptor.ts';
import { DependencyReceiver, DependencySender } from '../../../src/rtp/extensions/dependency-streams.ts';
import { dependencyStructure } from '../../../src/rtp/extensions/dependency-structures.ts';
import { damaged } from '../payload/nal-support.ts';

const SYMBOLS: Record<string, DecodeTargetIndication> = {
  '-': 'notPresent',
  D: 'discardable',
  S: 'switch',
  R: 'required',
};

/** A row of the specification's tables: spatial and temporal layer, differences of frames, of chains, indications. */
function row(text: string): FrameDependencies {
  const [layers, frames, chains, indications] = text.split('|').map((cell) => cell.trim());
  const numbers = (list: string): number[] => (list === '' ? [] : list.split(',').map(Number));
  const [spatialLayer, temporalLayer] = numbers(layers!) as [number, number];
  return {
    spatialLayer,
    temporalLayer,
    frameDifferences: numbers(frames!),
    chainDifferences: numbers(chains!),
    decodeTargetIndications: Array.from(indications!, (symbol) => SYMBOLS[symbol]!),
  };
}

/** §A.10.2.1 */
const L1T3 = ['0,0||0|SSS', '0,0|4|4|SSS', '0,1|2|2|SD-', '0,2|1|1|D--', '0,2|1|3|D--'].map(row);
/** §A.10.2.2 */
const L3T3 = [
  '0,0||0,0,0|SSSSSSSSS',
  '0,0|12|12,11,10|RRRRRRSSS',
  '0,1|6|6,5,4|RR-RR-SD-',
  '0,2|3|3,2,1|R--R--D--',
  '0,2|3|9,8,7|R--R--D--',
  '1,0|1|1,1,1|SSSSSS---',
  '1,0|12,1|1,1,1|RRRSSS---',
  '1,1|6,1|7,6,5|RR-SD----',
  '1,2|3,1|4,3,2|R--D-----',
  '1,2|3,1|10,9,8|R--D-----',
  '2,0|1|2,1,1|SSS------',
  '2,0|12,1|2,1,1|SSS------',
  '2,1|6,1|8,7,6|SD-------',
  '2,2|3,1|5,4,3|D--------',
  '2,2|3,1|11,10,9|D--------',
].map(row);

const byText = (templates: readonly FrameDependencies[]): string[] =>
  templates
    .map(({ spatialLayer, temporalLayer, frameDifferences, chainDifferences, decodeTargetIndications }) =>
      JSON.stringify([spatialLayer, temporalLayer, frameDifferences, chainDifferences, decodeTargetIndications]),
    )
    .sort();

describe('structures of scalability modes', () => {
  test('§A.10.2.1: L1T3 is the table of the specification', () => {
    const structure = dependencyStructure('L1T3')!;
    expect(byText(structure.templates)).toEqual(byText(L1T3));
    expect(structure.protectedBy).toEqual([0, 0, 0]);
  });

  test('§A.10.2.2: L3T3 is the table of the specification', () => {
    const structure = dependencyStructure('L3T3')!;
    expect(byText(structure.templates)).toEqual(byText(L3T3));
    expect(structure.protectedBy).toEqual([2, 2, 2, 1, 1, 1, 0, 0, 0]);
  });

  test('decode targets go from the highest layers to the lowest', () => {
    const structure = dependencyStructure('L2T2')!;
    expect([0, 1, 2, 3].map((target) => decodeTargetLayers(structure, target))).toEqual([
      { spatialLayer: 1, temporalLayer: 1 },
      { spatialLayer: 1, temporalLayer: 0 },
      { spatialLayer: 0, temporalLayer: 1 },
      { spatialLayer: 0, temporalLayer: 0 },
    ]);
  });

  test('modes without a structure here', () => {
    for (const mode of ['L3T3_KEY_SHIFT', 'S2T1_KEY', 'L4T1', 'L1T0', '']) expect(dependencyStructure(mode)).toBeNull();
  });
});

const MODES = ['L1T1', 'L1T2', 'L1T3', 'L2T1', 'L2T2_KEY', 'L2T3h', 'L3T1', 'L3T3', 'L3T3_KEY', 'S2T1', 'S3T3'];

describe('reading and writing', () => {
  const known = (structure: DependencyStructure) => () => structure;

  test('§A.8.2: a packet of a known template takes three bytes', () => {
    const structure: DependencyStructure = {
      templateIdOffset: 10,
      decodeTargetCount: 3,
      templates: L1T3,
      chainCount: 1,
      protectedBy: [0, 0, 0],
    };
    const descriptor: DependencyDescriptor = {
      startsFrame: true,
      endsFrame: false,
      templateId: 12,
      frameNumber: 0x1234,
      dependencies: L1T3[2]!,
    };
    expect(writeDependencyDescriptor(descriptor, structure)).toEqual(fromHex('8c 1234'));
    expect(readDependencyDescriptor(fromHex('8c 1234'), known(structure))).toEqual(descriptor);
  });

  test('§A.8.2: a structure, bit for bit', () => {
    // L1T1 with a template for key frames and one for the others, and one chain.
    const structure: DependencyStructure = {
      templateIdOffset: 0,
      decodeTargetCount: 1,
      templates: ['0,0||0|S', '0,0|1|1|S'].map(row),
      chainCount: 1,
      protectedBy: [0],
      resolutions: [{ width: 640, height: 360 }],
    };
    const bits = [
      '1 1 000000 0000000000000001', // start, end, template 0, frame 1
      '1 0 0 0 0', // structure
      '000000 00000', // offset, one decode target
      '00 11', // same layer, no more
      '10 10', // switch, switch
      '0 1 0000 0', // differences: none; 1
      '1 0000 0001', // ns(2): one chain; ns(1) takes no bits; 0 and 1
      '1 0000001001111111 0000000101100111', // resolutions
    ]
      .join('')
      .replaceAll(' ', '');
    const bytes = Uint8Array.from(bits.match(/.{1,8}/g)!, (byte) => Number.parseInt(byte.padEnd(8, '0'), 2));
    const descriptor: DependencyDescriptor = {
      startsFrame: true,
      endsFrame: true,
      templateId: 0,
      frameNumber: 1,
      dependencies: structure.templates[0]!,
      structure,
      activeDecodeTargets: 1,
    };
    expect(writeDependencyDescriptor(descriptor, structure)).toEqual(bytes);
    expect(readDependencyDescriptor(bytes, () => null)).toEqual(descriptor);
  });

  test('§A.8.2: ns(n), for every number of chains and decode targets', () => {
    for (let decodeTargetCount = 1; decodeTargetCount <= 32; decodeTargetCount++) {
      for (let chainCount = 0; chainCount <= decodeTargetCount; chainCount++) {
        const template: FrameDependencies = {
          spatialLayer: 0,
          temporalLayer: 0,
          decodeTargetIndications: new Array<DecodeTargetIndication>(decodeTargetCount).fill('required'),
          frameDifferences: [],
          chainDifferences: new Array<number>(chainCount).fill(3),
        };
        const protectedBy = chainCount === 0 ? [] : Array.from({ length: decodeTargetCount }, (_, i) => i % chainCount);
        const structure = { templateIdOffset: 63, decodeTargetCount, templates: [template], chainCount, protectedBy };
        const descriptor = {
          startsFrame: true,
          endsFrame: true,
          templateId: 63,
          frameNumber: 5,
          dependencies: template,
          structure,
          activeDecodeTargets: allTargets(structure),
        };
        const written = writeDependencyDescriptor(descriptor, structure);
        expect(readDependencyDescriptor(written, () => null)).toEqual(descriptor);
      }
    }
  });

  test('any frame of any mode comes back as it was, in its template or beside it', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...MODES),
        fc.nat(63),
        fc.nat(63),
        fc.record({
          startsFrame: fc.boolean(),
          endsFrame: fc.boolean(),
          frameNumber: fc.nat(0xffff),
          withStructure: fc.boolean(),
          active: fc.option(fc.nat(), { nil: undefined }),
        }),
        fc.infiniteStream(fc.nat(0xffff)),
        (mode, templateIdOffset, which, { withStructure, active, ...packet }, luck) => {
          const structure = { ...dependencyStructure(mode)!, templateIdOffset };
          const index = which % structure.templates.length;
          const template = structure.templates[index]!;
          const next = (limit: number): number => luck.next().value % limit;
          const dependencies: FrameDependencies = {
            ...template,
            ...(next(2) && {
              decodeTargetIndications: template.decodeTargetIndications.map(() => DECODE_TARGET_INDICATIONS[next(4)]!),
            }),
            ...(next(2) && {
              frameDifferences: Array.from({ length: next(5) }, () => 1 + next([16, 256, 4096][next(3)]!)),
            }),
            ...(next(2) && { chainDifferences: template.chainDifferences.map(() => next(256)) }),
          };
          const activeDecodeTargets = active === undefined ? undefined : active % (allTargets(structure) + 1);
          const descriptor: DependencyDescriptor = {
            ...packet,
            templateId: (templateIdOffset + index) % 64,
            dependencies,
            ...(withStructure && { structure, activeDecodeTargets: allTargets(structure) }),
            ...(activeDecodeTargets !== undefined && { activeDecodeTargets }),
          };
          const written = writeDependencyDescriptor(descriptor, structure);
          expect(readDependencyDescriptor(written, known(structure))).toEqual(descriptor);
          expect(findTemplate(structure, dependencies)).not.toBeNull();
        },
      ),
    );
  });

  test('what the fields cannot hold is a RangeError', () => {
    const structure = dependencyStructure('L1T2')!;
    const dependencies = structure.templates[0]!;
    const packet = { startsFrame: true, endsFrame: true, frameNumber: 1, templateId: 0 };
    const write =
      (own: Partial<FrameDependencies>, templateId = 0) =>
      () =>
        writeDependencyDescriptor({ ...packet, templateId, dependencies: { ...dependencies, ...own } }, structure);
    expect(write({}, 60)).toThrow(RangeError);
    expect(write({ temporalLayer: 1 })).toThrow(RangeError);
    expect(write({ frameDifferences: [4097] })).toThrow(RangeError);
    expect(write({ chainDifferences: [256] })).toThrow(RangeError);
    expect(write({ chainDifferences: [] })).toThrow(RangeError);
    expect(write({ decodeTargetIndications: [] })).toThrow(RangeError);
    const jump = { ...structure, templates: [dependencies, { ...dependencies, temporalLayer: 2 }] };
    expect(() => writeDependencyDescriptor({ ...packet, dependencies, structure: jump }, jump)).toThrow(/table A.2/);
  });

  test('every truncation and every flipped bit is taken without an exception', () => {
    const structure = dependencyStructure(
      'L2T2',
      [1, 2].map((n) => ({ width: 320 * n, height: 180 * n })),
    )!;
    const dependencies = { ...structure.templates[0]!, frameDifferences: [1, 300], chainDifferences: [1, 2] };
    const whole = writeDependencyDescriptor(
      {
        startsFrame: true,
        endsFrame: true,
        frameNumber: 1,
        templateId: 0,
        dependencies,
        structure,
        activeDecodeTargets: 3,
      },
      structure,
    );
    const receiver = new DependencyReceiver();
    for (const bad of damaged(whole)) {
      readDependencyDescriptor(bad, () => null);
      readDependencyDescriptor(bad, known(structure));
      receiver.read(bad);
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bad) => void receiver.read(bad)));
  });

  test('a structure of more than 64 templates is malformed', () => {
    const bits = new Uint8Array(255);
    bits.set(fromHex('c0 0001 80'));
    expect(readDependencyDescriptor(bits, () => null)).toBeNull();
  });
});

describe('a stream', () => {
  /** The frames of `pictures` pictures of a mode, as an encoder makes them. */
  function* play(mode: string, pictures: number) {
    const [, letter, spatialLayers, temporalLayers, key] = /^([LS])(\d)T(\d)h?(_KEY)?$/.exec(mode)!;
    const pattern = [[0], [0, 1], [0, 2, 1, 2]][Number(temporalLayers) - 1]!;
    for (let picture = 0; picture < pictures; picture++) {
      for (let spatialLayer = 0; spatialLayer < Number(spatialLayers); spatialLayer++) {
        const usesLayerBelow = spatialLayer > 0 && letter === 'L' && (key === undefined || picture === 0);
        yield {
          isKeyFrame: picture === 0 && spatialLayer === 0,
          spatialLayer,
          temporalLayer: pattern[picture % pattern.length]!,
          usesLayerBelow,
        };
      }
    }
  }

  test.each(MODES)('%s: after the structure, every packet takes three bytes', (mode) => {
    const sender = new DependencySender(dependencyStructure(mode)!, 65_530);
    const receiver = new DependencyReceiver();
    for (const frame of play(mode, 30)) {
      sender.nextFrame(frame);
      const packets = [sender.write(true, false), sender.write(false, true)];
      expect(packets.map(({ length }) => length > 3)).toEqual([frame.isKeyFrame, false]);
      const [first, last] = packets.map((packet) => receiver.read(packet)!);
      expect(first!.structure !== undefined).toBe(frame.isKeyFrame);
      expect(last!.dependencies).toEqual(first!.dependencies);
      expect(last!.dependencies).toMatchObject({
        spatialLayer: frame.spatialLayer,
        temporalLayer: frame.temporalLayer,
      });
    }
    expect(receiver.structure).toEqual(sender.structure);
  });

  test('frames that follow no pattern tell their references themselves', () => {
    const sender = new DependencySender(dependencyStructure('L1T1')!);
    const receiver = new DependencyReceiver();
    sender.nextFrame({ isKeyFrame: true });
    receiver.read(sender.write(true, true));
    for (let i = 0; i < 300; i++) sender.nextFrame({ isKeyFrame: false });
    sender.nextFrame({ isKeyFrame: false, frameDifferences: [301, 2] });
    expect(receiver.read(sender.write(true, true))!.dependencies).toMatchObject({
      frameDifferences: [301, 2],
      chainDifferences: [1],
    });
  });

  test('§A.8.3: packets of the coded video sequence before, when late, still find their templates', () => {
    const sender = new DependencySender(dependencyStructure('L1T3')!);
    const receiver = new DependencyReceiver();
    sender.nextFrame({ isKeyFrame: true });
    const firstKey = sender.write(true, true);
    receiver.read(firstKey);
    sender.nextFrame({ isKeyFrame: false, temporalLayer: 2 });
    const late = sender.write(true, true);
    sender.changeStructure(dependencyStructure('L1T2')!);
    sender.nextFrame({ isKeyFrame: true });
    receiver.read(sender.write(true, true));
    expect(receiver.activeDecodeTargets).toBe(3);
    expect(receiver.read(late)!.dependencies.temporalLayer).toBe(2);
    receiver.read(firstKey); // sent again
    expect(receiver.structure!.decodeTargetCount).toBe(2);
    expect(receiver.activeDecodeTargets).toBe(3);
    sender.nextFrame({ isKeyFrame: false, temporalLayer: 1 });
    expect(receiver.read(sender.write(true, true))!.dependencies.decodeTargetIndications).toEqual([
      'discardable',
      'notPresent',
    ]);
  });

  test('without a structure nothing can be read', () => {
    expect(new DependencyReceiver().read(fromHex('c0 0001'))).toBeNull();
    expect(() => new DependencySender(dependencyStructure('L1T1')!).write(true, true)).toThrow(TypeError);
    expect(() =>
      new DependencySender(dependencyStructure('L1T1')!).nextFrame({ isKeyFrame: true, spatialLayer: 1 }),
    ).toThrow(RangeError);
  });
});
