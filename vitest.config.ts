import { configDefaults, defineConfig, type ViteUserConfig } from 'vitest/config';

/** Calls with browsers, which measure what comes in time: one after the other, so that none is at another's expense. */
const CALLS = [
  'test/interop/media/**/*.test.ts',
  'test/interop/rooms.test.ts',
  'test/app/{page,terminal}/**/*.test.ts',
];

const config: ViteUserConfig = defineConfig({
  test: {
    testTimeout: 20_000,
    hookTimeout: 30_000, // browsers start in hooks
    projects: [
      {
        extends: true,
        test: {
          name: 'all but calls',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...CALLS],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: 'calls', include: CALLS, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});

export default config;
