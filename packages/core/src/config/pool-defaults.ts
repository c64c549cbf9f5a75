/**
 * What the options of a node's connections are where nobody says.
 *
 * Not frozen: the test suite runs a second time with few connections, so that reads share them, and with none shared.
 */
export const poolDefaults: { max: number; multiplex: boolean | undefined } = { max: 10, multiplex: undefined }
