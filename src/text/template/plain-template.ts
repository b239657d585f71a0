/** A chat template of this server's own. */
export interface PlainTemplate {
  readonly source: string
  /** Texts by which a model goes on to another turn, where no token ends one. */
  readonly turnEnds: readonly string[]
}

/** A chat template for a model that brings none: ChatML where its vocabulary has it, else names and colons. */
export function plainTemplate(controlTexts: readonly string[]): PlainTemplate {
  const chatMl = controlTexts.includes('<|im_start|>')
  const [before, between, after, begin] = chatMl
    ? ['<|im_start|>', '\\n', '<|im_end|>\\n', '<|im_start|>assistant\\n']
    : ['', ': ', '\\n', 'assistant:']
  return {
    source: `{% for message in messages %}{{ '${before}' + message.role + '${between}' + message.content + '${after}' }}{% endfor %}{{ '${begin}' }}`,
    turnEnds: chatMl ? [] : ['\nuser:', '\nassistant:'],
  }
}
