/** The MCP entry: Memory Spine as tools for hosts that speak the Model Context Protocol. */

export { type McpHandler, mcpHandler, type StdioOptions, serveMcpStdio } from './mcp/serve.ts'
