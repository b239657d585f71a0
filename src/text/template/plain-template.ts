/** A chat template for a model that brings none: ChatML where its vocabulary has it, else names and colons. */
export function plainTemplate(controlTexts: readonly string[]): string {
  const chatMl = controlTexts.includes('<|im_start|>')
  const [before, between, after, begin] = chatMl
    ? ['<|im_start|>', '\\n', '<|im_end|>\\n', '<|im_start|>assistant\\n']
    : ['', ': ', '\\n', 'assistant:']
  return `{% for message in messages %}{{ '${before}' + message.role + '${between}' + message.content + '${after}' }}{% endfor %}{{ '${begin}' }}`
}
