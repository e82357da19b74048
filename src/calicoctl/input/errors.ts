/** Why input cannot be used. Apart from the readers, so that commands without input load none of them. */

/** Input that cannot be read; the message is without the command's prefix. */
export class InputError extends Error {}

/** Nothing to do: the message is printed as it is. */
export class EmptyInput extends Error {}
