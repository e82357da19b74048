/** An error as the CNI specification has it: a code, a message, details. */
import { CalicoError } from '../../errors.ts';

/** Codes of the specification that occur; 999 is what upstream's library gives to every other error. */
export const cniCode = {
  incompatibleVersion: 1,
  invalidEnvironment: 4,
  io: 5,
  decoding: 6,
  invalidConfig: 7,
  tryAgain: 11,
  notAvailable: 50,
  test: 100,
  other: 999,
} as const;

/** What a runtime gets on stdout when a command fails. */
export class CniError extends CalicoError {
  readonly cniCode: number;
  readonly cniDetails: string;

  constructor(code: number, message: string, details = '') {
    super('INPUT', message, details === '' ? {} : { details: { details } });
    this.cniCode = code;
    this.cniDetails = details;
  }
}

/** The error object; as upstream's it carries no version. */
export function cniErrorJson(error: CniError): string {
  const { cniCode: code, message: msg, cniDetails: details } = error;
  return JSON.stringify({ code, msg, ...(details === '' ? {} : { details }) }, undefined, 4);
}
