import { countBody, messageBody } from '../../src/api/anthropic/request.ts'
import { type Schema, schemaOf } from '../../src/api/contract/field.ts'
import { inferBodies } from '../../src/api/kserve/infer.ts'
import { indexBody } from '../../src/api/kserve/open-inference.ts'
import { unansweredChatBody } from '../../src/api/llama-server/apply-template.ts'
import {
  infillBody,
  completionBody as llamaCompletionBody,
} from '../../src/api/llama-server/completion-request.ts'
import { embeddingBody } from '../../src/api/llama-server/embedding.ts'
import { chatBody as ollamaChatBody } from '../../src/api/ollama/chat-request.ts'
import { embedBody, singleEmbedBody } from '../../src/api/ollama/embeddings.ts'
import { generateBody } from '../../src/api/ollama/generate-request.ts'
import { showBody } from '../../src/api/ollama/models.ts'
import { chatBody } from '../../src/api/openai/chat-completions.ts'
import { completionBody } from '../../src/api/openai/completion-request.ts'
import { embeddingsBody } from '../../src/api/openai/embeddings.ts'
import { message } from '../../src/api/openai/messages.ts'
import { rerankBody } from '../../src/api/openai/rerank.ts'
import { inputItem } from '../../src/api/responses/input.ts'
import { responseBody } from '../../src/api/responses/request.ts'
import { invocationBodies } from '../../src/api/sagemaker/invocations.ts'
import { loadAdapterBody, unloadAdapterBody } from '../../src/api/vllm/lora-adapters.ts'
import { scoreBody } from '../../src/api/vllm/score.ts'
import { detokenizeBody, tokenizeBodies } from '../../src/api/vllm/tokenize.ts'

/** What stands in several bodies, and those that several routes take. */
export const bodySchemas = {
  ChatMessage: message.schema,
  InputItem: inputItem.schema,
  ChatBody: schemaOf(chatBody),
  CompletionBody: schemaOf(completionBody),
  InferenceBody: { anyOf: inferBodies.map(schemaOf) },
  ResponseBody: schemaOf(responseBody),
} satisfies Readonly<Record<string, Schema>>

const { ChatBody, CompletionBody, InferenceBody, ResponseBody } = bodySchemas

/** What the routes that are asked by POST take. */
export const bodies: Readonly<Record<string, Schema>> = {
  '/v1/load_lora_adapter': schemaOf(loadAdapterBody),
  '/v1/unload_lora_adapter': schemaOf(unloadAdapterBody),
  '/v1/embeddings': schemaOf(embeddingsBody),
  '/v1/rerank': schemaOf(rerankBody),
  '/v1/score': schemaOf(scoreBody),
  '/completion': schemaOf(llamaCompletionBody),
  '/embedding': schemaOf(embeddingBody),
  '/infill': schemaOf(infillBody),
  '/apply-template': schemaOf(unansweredChatBody),
  '/v1/chat/completions/input_tokens': schemaOf(unansweredChatBody),
  '/invocations': { anyOf: invocationBodies.map(schemaOf) },
  '/tokenize': { anyOf: tokenizeBodies.map(schemaOf) },
  '/detokenize': schemaOf(detokenizeBody),
  '/v1/chat/completions/render': ChatBody,
  '/v1/completions/render': CompletionBody,
  '/v1/chat/completions': ChatBody,
  '/v1/completions': CompletionBody,
  '/v2/models/{model}/infer': InferenceBody,
  '/v2/repository/index': schemaOf(indexBody),
  '/v1/models/{model}:predict': InferenceBody,
  '/v1/messages': schemaOf(messageBody),
  '/v1/messages/count_tokens': schemaOf(countBody),
  '/api/show': schemaOf(showBody),
  '/api/chat': schemaOf(ollamaChatBody),
  '/api/generate': schemaOf(generateBody),
  '/api/embed': schemaOf(embedBody),
  '/api/embeddings': schemaOf(singleEmbedBody),
  '/v1/responses': ResponseBody,
  '/v1/responses/input_tokens': ResponseBody,
}

/** Paths that take a POST without a body, too. */
export const optionalBodies: ReadonlySet<string> = new Set(['/v2/repository/index'])
