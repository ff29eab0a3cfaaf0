import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import eslint from '@eslint/js';
import { importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** Files that decide: they import types, each other, and libraries without input or output. */
const PURE = [
  'definition/**/*.ts',
  'src/**/*-state.ts',
  'src/**/decide*.ts',
  'src/**/fold*.ts',
  'src/**/refold*.ts',
  'src/**/next-step*.ts',
  'src/**/to-*.ts',
  'adapters/*/to-*.ts',
  'adapters/*/decide*.ts',
  'adapters/*/compile*.ts',
];

const IO = ['node:fs', 'node:fs/promises', 'node:net', 'node:http', 'node:https', 'node:child_process', 'node:dgram'];

/** Folders of src from the top to the platform: none imports one of a row above its own. */
const ORDER = [
  ['admin', 'labels', 'lists', 'workflow-runs', 'workflows'],
  ['dispatch'],
  ['reconcile', 'retention'],
  ['lifecycle'],
  ['engines'],
];

const FEATURES = [...ORDER.flat(), 'cli'];

/** target = who imports, from = what it may not import. */
const ZONES = [
  { target: './definition', from: ['./src', './adapters', './test'], message: 'The definition is below everything.' },
  { target: './adapters/spi', from: './src', message: 'Adapters know nothing of the service.' },
  {
    target: './adapters/*/!(*.test|*.test-support).ts',
    from: './src',
    message: 'Adapters know nothing of the service.',
  },
  {
    target: './src/!(engines)/**/*',
    from: './adapters',
    except: ['./spi'],
    message: 'The service knows the interface; src/engines/registry.ts alone names adapters.',
  },
  {
    target: './src/engines/!(registry).ts',
    from: './adapters',
    except: ['./spi'],
    message: 'src/engines/registry.ts alone names adapters.',
  },
  {
    target: './src/platform',
    from: FEATURES.map((feature) => `./src/${feature}`),
    message: 'The platform is below the features.',
  },
  ...ORDER.slice(1).flatMap((row, above) =>
    row.map((folder) => ({
      target: `./src/${folder}`,
      from: ORDER.slice(0, above + 1).flatMap((rowAbove) => rowAbove.map((upper) => `./src/${upper}`)),
      message: 'Imports go resources -> dispatch -> reconcile -> lifecycle -> engines.',
    })),
  ),
  { target: './src/!(cli)/**/*', from: './src/cli', message: 'The command is above the service.' },
  {
    target: ['./src/**/!(*.test).ts', './adapters/spi', './definition'],
    from: './test',
    message: 'Test support stays out of the product.',
  },
];

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.signalbox/', 'coverage/', 'openapi/', 'examples/'] },
  eslint.configs.recommended,
  {
    files: ['**/*.js'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        performance: 'readonly',
        URL: 'readonly',
        fetch: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        globalThis: 'readonly',
        Buffer: 'readonly',
        AbortSignal: 'readonly',
        AbortController: 'readonly',
        TextDecoder: 'readonly',
      },
    },
  },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    settings: {
      'import-x/resolver-next': [extensionResolver()],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
    },
    rules: {
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', prefer: 'type-imports' },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/require-await': 'off',
      // Timers and hooks take functions whose promise is kept elsewhere; a promise that nobody keeps is an error below.
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { arguments: false, attributes: false } },
      ],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/unbound-method': 'off',
      // Control characters are what these expressions are about.
      'no-control-regex': 'off',
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'import-x/no-default-export': 'error',
      'import-x/no-restricted-paths': ['error', { zones: ZONES }],
      'no-restricted-syntax': [
        'error',
        { selector: 'TSEnumDeclaration', message: 'Use an `as const` list and its union.' },
        { selector: 'ExportAllDeclaration', message: 'No barrels: import from the file itself.' },
      ],
    },
  },
  {
    // The exceptions hand the environment to processes they start.
    files: ['src/**/*.ts', 'definition/**/*.ts', 'adapters/**/*.ts'],
    ignores: [
      '**/*.test.ts',
      '**/*.test-support.ts',
      'adapters/conformance/**',
      'src/cli/main.ts',
      'src/write-openapi.ts',
      'src/platform/postgres-programs.ts',
      'adapters/local/local-node.ts',
    ],
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'The environment is read where the process begins and handed on.',
        },
      ],
    },
  },
  {
    // Answers of the API are read as they come; a wrong shape fails the test anyway.
    files: ['**/*.test.ts', '**/*.test-support.ts', 'test/**/*.ts', 'adapters/conformance/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
    },
  },
  {
    files: PURE,
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': ['error', { paths: [...IO, 'pg', 'undici', 'fastify'], patterns: ['@nestjs/*'] }],
    },
  },
);

/** `./file.js` in a TypeScript source means `./file.ts`; packages are of no interest to the rules above. */
function extensionResolver() {
  return {
    interfaceVersion: 3,
    name: 'typescript-sources',
    resolve(source, file) {
      if (!source.startsWith('.')) return { found: true, path: null };
      const path = fileURLToPath(new URL(source, pathToFileURL(file)));
      const candidates = [path.replace(/\.js$/, '.ts'), path];
      const found = candidates.find((candidate) => existsSync(candidate));
      return found === undefined ? { found: false } : { found: true, path: found };
    },
  };
}
