import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { self } from '../../vitest.config.js';
import { requirements } from '../support/requirements.js';

/** The tests that run for each mutant: those of the core, and the contract on one framework. */
export default defineConfig({
  root: fileURLToPath(new URL('../../', import.meta.url)),
  resolve: { alias: self },
  test: {
    env: { HARNESSES: 'fetch' },
    tags: requirements.map(({ id }) => ({ name: id })),
    execArgv: ['--disable-warning=OAUTH_RESOURCE_SERVER'],
    isolate: false,
    include: [
      'test/unit/*.test.ts',
      'test/unit/{answer,options,proof,request,requirement,token,verification}/*.test.ts',
      'test/http/{contract,resource-metadata}.test.ts',
      'test/property/{certificate-header,credentials,dpop-proofs,dpop-targets,resource-metadata,scope-and-challenge,signatures,tokens}.property.test.ts',
    ],
  },
});
