import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import express from 'express';
import { createTestIssuer, type ProveOptions, prove } from 'oauth-resource-server/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { isFullSize } from '../support/size.js';
import { withFewForgeries } from './few-forgeries.js';
import { expressMutants, fastifyMutants, type Mutant, nestMutants } from './mutants.js';
import { rewrites } from './rewrites.js';

// A busy machine takes its time.
vi.setConfig({ testTimeout: 900_000 });

const here = new URL('.', import.meta.url).pathname;
const issuer = await createTestIssuer();
const tenant = { claims: { tenant: 'acme' }, refusedClaims: [{ tenant: 'other' }] };
const options: ProveOptions = {
  issuer: withFewForgeries(issuer),
  public: ['GET /health', 'GET /about/:topic'],
  samples: { 'GET /admin/tenants': tenant, 'POST /admin/tenants': tenant },
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(here, '.mutants-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Sample {
  readonly mutants: (source: string) => readonly Mutant[];
  /** Makes the application of a module. */
  readonly start: (module: never, index: number) => object | Promise<object>;
}

type Module<Name extends string> = Readonly<Record<Name, (...args: readonly unknown[]) => never>>;

const handle = (): never => {
  throw new Error('a handler ran');
};

const samples: Readonly<Record<keyof typeof rewrites, Sample>> = {
  express: {
    mutants: expressMutants,
    start: ({ createApp }: Module<'createApp'>) => createApp(express, issuer.options, handle),
  },
  fastify: {
    mutants: fastifyMutants,
    start: ({ createApp }: Module<'createApp'>) => createApp(issuer.options, handle),
  },
  nestjs: {
    mutants: nestMutants,
    start: ({ createModule }: Module<'createModule'>, index) =>
      index % 2 === 0
        ? NestFactory.create(createModule(issuer.options, handle), { logger: false, abortOnError: false })
        : NestFactory.create(createModule(issuer.options, handle), new FastifyAdapter(), {
            logger: false,
            abortOnError: false,
          }),
  },
};

describe.each(Object.entries(samples))('the proof of an application of %s', (name, { mutants, start }) => {
  const lockFile = (): string => join(folder, `${name}.lock`);
  const proveSource = async (source: string, index: number, update = false): Promise<unknown> => {
    const path = join(folder, `${name}-${index}-${update}.ts`);
    await writeFile(path, source);
    const app = await start((await import(path)) as never, index);
    return prove(app, { ...options, lockFile: lockFile(), update }).finally(() => {
      if ('close' in app) return (app as { close(): Promise<void> }).close();
    });
  };
  const original = (): Promise<string> => readFile(join(here, `apps/${name}.ts`), 'utf8');

  it('succeeds, and does so after changes that mean the same', async () => {
    const source = await original();
    await proveSource(source, 0, true);
    for (const [index, [from, to]] of rewrites[name as keyof typeof rewrites].entries()) {
      const rewritten = source.replace(from, to);
      expect(rewritten, String(from)).not.toBe(source);
      await proveSource(rewritten, index + 1000);
    }
  });

  it('fails for everything that anyone could do by mistake', async () => {
    const source = await original();
    await proveSource(source, 0, true);
    const all = mutants(source);
    const tried = all.filter((_, index) => isFullSize || index % 20 === 0);
    const survivors: string[] = [];
    for (const [index, mutant] of tried.entries()) {
      const outcome = await proveSource(mutant.source, index + 1).catch((error: unknown) => error);
      if (!(outcome instanceof Error)) survivors.push(mutant.name);
      // NestJS itself doesn't start without the module.
      else
        expect(`${mutant.name}: ${outcome.name} ${outcome.message}`).toMatch(
          /: AssertionError |Nest can't resolve/,
        );
    }
    expect(all.length).toBeGreaterThan(60);
    expect(survivors.slice(Math.floor(tried.length / 100)), 'at least 99 % are caught').toEqual([]);
  });
});
