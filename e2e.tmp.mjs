import { spawn } from 'node:child_process'
const child = spawn('node', ['dist/main.js','serve','--port','9100','--gpu-layers','0','--log-level','warn',...process.argv.slice(2)], {stdio:['ignore','inherit','inherit']})
const u='http://127.0.0.1:9100'
for (;;) { try { if ((await fetch(u+'/health/ready')).ok) break } catch {} await new Promise(r=>setTimeout(r,50)) }
const model=(await (await fetch(u+'/v1/models')).json()).data[0].id
for (let i=0;i<4;i++){ const t=performance.now()
 const r=await fetch(u+'/v1/completions',{method:'POST',headers:{'content-type':'application/json'},body:JSON.stringify({model,prompt:'Hello',max_tokens:300,ignore_eos:true,stream:true})}); let n=0; for await (const c of r.body) n++
 console.log('tok/s', Math.round(300/((performance.now()-t)/1000)), n) }
child.kill('SIGTERM')
